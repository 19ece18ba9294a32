"""`python -m bench NAME…`: run these measurements, or all of them; `NAME=SIZE` runs a larger or a smaller one."""

import sys

from bench import burst, crash, endurance, latency, poll, requests, rules, stop

MEASUREMENTS = {
    "rules": rules.main,
    "poll": poll.main,
    "requests": requests.main,
    "stop": stop.main,
    "burst": burst.main,
    "crash": crash.main,
    "latency": latency.main,
    "endurance": endurance.main,
}


def main(names: list[str]) -> int:
    sizes = {name: size for name, _, size in (each.partition("=") for each in names or MEASUREMENTS)}
    unknown = [name for name in sizes if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {', '.join(unknown)}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name, size in sizes.items():
        MEASUREMENTS[name](*([int(size)] if size else []))
    return 0


sys.exit(main(sys.argv[1:]))
