"""What an installation brings with it: few packages, each wanted for a reason, none that is not locked."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
DIRECT = [Requirement(each) for each in tomllib.loads(PYPROJECT)["project"]["dependencies"]]


def installed_with(wanted: list[Requirement]) -> set[str]:
    """Return the packages that these bring, as pip would install them here, themselves included."""
    found: set[tuple[str, str]] = set()
    due = [(each.name, extra) for each in wanted for extra in ("", *each.extras)]
    while due:
        name, extra = due.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for each in map(Requirement, requires(name) or ()):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                due += [(each.name, own) for own in ("", *each.extras)]
    return {re.sub(r"[-_.]+", "-", name).lower() for name, _ in found}


def test_an_installation_brings_fifty_packages_at_most() -> None:
    found = installed_with(DIRECT)
    assert len(DIRECT) < len(found) <= 50, sorted(found)


def test_every_dependency_has_its_reason_and_a_range() -> None:
    for each in DIRECT:
        assert re.search(rf'^    "{re.escape(each.name)}\W.*",\s+# \S.*$', PYPROJECT, re.M), f"{each}: for what?"
        assert {specifier.operator for specifier in each.specifier} == {">=", "<"}, f"{each} has no range"


def test_everything_that_is_installed_is_locked_with_its_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==\S+(?: ; .*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.M)
    )
    assert installed_with(DIRECT) <= set(locked)
    assert "://" not in lock
