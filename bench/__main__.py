"""`python -m bench NAME…`: run these measurements, or all of them."""

import sys

from bench import burst, crash, latency, poll, requests, rules, stop

MEASUREMENTS = {
    "rules": rules.main,
    "poll": poll.main,
    "requests": requests.main,
    "stop": stop.main,
    "burst": burst.main,
    "crash": crash.main,
    "latency": latency.main,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {', '.join(unknown)}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name in names or MEASUREMENTS:
        MEASUREMENTS[name]()
    return 0


sys.exit(main(sys.argv[1:]))
