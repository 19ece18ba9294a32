"""The wheel of this checkout installed in a box, as an administrator would, beside an upstream and a receiver."""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.builders import RECORDED
from tests.systemd.box import Box, booted
from tests.waiting import until

TOP = Path(__file__).parents[2]
WATCHER = "/opt/watcher/bin/watcher"
PYTHON = f"/opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
TOKEN, URL = "canary-of-the-token", "json://canary-of-the-channel@127.0.0.1:8701/"
SETTINGS = """\
state = "/var/lib/watcher"
schedule.every = "1s"
[upstream]
url = "http://127.0.0.1:8700"
rate = "1000/1s"
"""
_RULES = """\
[channels.desk]
[defaults]
notify = ["desk"]
[operator]
notify = ["desk"]
"""
_TOLD = "/srv/told"


class Installed:
    """The service in its box."""

    def __init__(self, box: Box, wheels: Path) -> None:
        self.box = box
        self._wheels = wheels

    def watcher(self, *arguments: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Run a command as this user, from a directory that has nothing to do with it."""
        return self.box.try_("setpriv", "--reuid", user, "--regid", _GROUP[user], "--clear-groups", WATCHER, *arguments)

    def rules(self, *names: str, more: str = "") -> None:
        """Have these rules, each of which fires as soon as it is seen."""
        each = (f'[[rule]]\nname = "{name}"\nsymbols = ["US.XRT"]\nwhen = "volume > 0"\n' for name in names)
        self.box.write("/etc/watcher/rules.toml", "\n".join((_RULES, *each, more)))

    def upgrade(self, version: str) -> None:
        """Install a version of the wheel over the one that is there."""
        wheel = f"/opt/wheels/watcher-{version}-py3-none-any.whl"
        pip = ("-m", "pip", "--python", "/opt/watcher/bin/python", "install", "--quiet", "--no-deps", "--no-index")
        self.box(PYTHON, *pip, wheel, seconds=60)

    def systemctl(self, *arguments: str) -> str:
        return self.box("systemctl", *arguments)

    def show(self, name: str) -> str:
        """Return a property of the unit."""
        return self.systemctl("show", "--value", "--property", name, "watcher").strip()

    def restart(self) -> None:
        """Start it, or start it again; it becomes ready."""
        started = self.box.try_("systemctl", "restart", "watcher")
        assert started.returncode == 0, self.journal("--lines=40")

    def told(self) -> list[str]:
        """Return what the receiver was told, message by message."""
        lines = self.box.try_("cat", _TOLD).stdout.splitlines()
        return [f"{message['title']}\n{message['message']}" for message in map(json.loads, lines)]

    def is_told(self, what: str, seconds: float = 15) -> str:
        """Return the first message that says so, as soon as there is one."""
        return until(lambda: next((message for message in self.told() if what in message), None), seconds)

    def journal(self, *options: str) -> str:
        return self.box("journalctl", "--no-pager", "--output=cat", "--unit=watcher", *options)


_GROUP = {"root": "root", "watcher": "watcher", "nobody": "nogroup"}


@contextmanager
def installed(place: Path, versions: Sequence[str]) -> Iterator[Installed]:
    """Boot a box, build wheels of this checkout, and install the first of these versions there as a service."""
    (place / "scratch").mkdir()
    for version in versions:
        _build(version, place)
    binds = {
        Path(sys.base_prefix): "/opt/python",  # it may be somebody's own, where no service can see it
        Path(sysconfig.get_path("purelib")): "/opt/dependencies",
        place / "wheels": "/opt/wheels",
        RECORDED: "/opt/recorded",
        Path(__file__).with_name("receiver.py"): "/opt/receiver.py",
    }
    with booted(place / "scratch", *(f"--bind-ro={source}:{target}" for source, target in binds.items())) as box:
        box.write("/etc/ld.so.conf.d/000-python.conf", "/opt/python/lib\n")  # its own library, and no other
        box("ldconfig")
        box(PYTHON, "-m", "venv", "--without-pip", "/opt/watcher")
        packages = box("/opt/watcher/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        box.write(f"{packages.strip()}/dependencies.pth", "/opt/dependencies\n")
        there = Installed(box, place / "wheels")
        there.upgrade(versions[0])
        box("systemd-run", "--unit=upstream", WATCHER, "upstream", "--rows=/opt/recorded", "--port=8700")
        box("systemd-run", "--unit=receiver", PYTHON, "/opt/receiver.py", "8701", _TOLD)
        yield there


def _build(version: str, place: Path) -> None:
    """Build the wheel of this checkout as if it were this version."""
    checkout = place / f"checkout-{version}"
    for part in ("watcher", "systemd"):
        shutil.copytree(TOP / part, checkout / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(TOP / part, checkout)
    (checkout / "watcher/__init__.py").write_text(f'"""As it is."""\n\n__version__ = "{version}"\n')
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "wheels")
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
