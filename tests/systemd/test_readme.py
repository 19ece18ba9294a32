"""The README's lines for root, run as written: in a booted box, with its own python3, from this checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.systemd.box import Box, booted
from tests.waiting import until

TOP = Path(__file__).parents[2]
RULES = """\
[[rule]]
name = "any"
symbols = ["US.XRT"]
when = "volume > 0"
"""
SETTINGS = """\
state = "/var/lib/watcher"
web.listen = "off"
[upstream]
url = "http://127.0.0.1:8709"
"""
_FIT = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"


def _no_python() -> bool:
    """True if no service could be installed with the system's own Python."""
    command = ["/usr/bin/python3", "-c", _FIT]
    return not Path(command[0]).exists() or subprocess.run(command, check=False, capture_output=True).returncode != 0


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a box"),
    pytest.mark.skipif(not shutil.which("systemd-nspawn"), reason="there is no systemd-nspawn (systemd-container)"),
    pytest.mark.skipif(_no_python(), reason="/usr/bin/python3 is older than 3.11, or has no venv (python3-venv)"),
]


def lines() -> list[str]:
    readme = (TOP / "README.md").read_text()
    (block,) = re.findall(r"^As root, from the checkout:\n\n```text\n(.*?)^```", readme, re.M | re.S)
    return [line.split("  #")[0].strip() for line in block.splitlines()]


def test_the_service_is_installed_by_the_lines_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    *before, enable = lines()
    binds = {TOP: "/srv/watcher", RECORDED: "/srv/recorded"}
    options = [f"--bind-ro={source}:{target}" for source, target in binds.items()]
    with booted(tmp_path / "scratch", *options, networked=True) as box:
        for line in before:
            typed(box, line)
        box.write("/etc/watcher/settings.toml", SETTINGS)
        box.write("/etc/watcher/rules.toml", RULES)
        program = "/opt/watcher/bin/watcher"
        box("systemd-run", "--unit=upstream", program, "upstream", "--rows=/srv/recorded", "--port=8709")
        typed(box, enable)
        told = ("journalctl", "--no-pager", "--output=cat", "--unit=watcher")
        until(lambda: "any" in box(*told) and "US.XRT" in box(*told))
        assert box("systemctl", "is-enabled", "watcher") == "enabled\n"
        assert box.try_(program, "status").returncode == 0


def typed(box: Box, line: str) -> None:
    """Type a line into a root's shell, in the checkout; where packages come from is what it is for these tests."""
    sources = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_")]
    box("env", *sources, "sh", "-euc", f"cd /srv/watcher; {line}", seconds=180)
