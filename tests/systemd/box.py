"""A machine to install on: systemd booted on an overlay of this machine's root; what it writes is gone with it.

Its mounts and processes are in namespaces of its own that end with the test's process: however that ends, nothing is
left but empty control groups, and nothing of this machine is touched.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.waiting import until

_BOOT = """
set -eu
mount -t tmpfs -o mode=755 tmpfs /run     # nspawn leaves directories there
mount -t tmpfs -o mode=755,size=1g tmpfs "$1"
cd "$1"
shift
mkdir upper work root
for groups in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do    # of a box's own: there may be two
    [ ! -e $groups/cgroup.procs ] || { mkdir "$groups/$1" && echo 0 > "$groups/$1/cgroup.procs"; }
done
shift
mount -t overlay -o lowerdir=/,upperdir="$PWD/upper",workdir="$PWD/work" overlay root
: > root/etc/machine-id
exec systemd-nspawn --directory=root --boot --register=no --keep-unit --console=pipe --quiet "$@"
"""

_GROUPS = [Path("/sys/fs/cgroup", each) for each in ("", "unified", "systemd")]
_UNSHARED = ("unshare", "--pid", "--mount-proc", "--mount", "--propagation=private", "--fork", "--kill-child")
_TIED = ("setpriv", "--pdeathsig=KILL", *_UNSHARED)
"""All of the box is killed when the process that booted it ends, however it ends."""
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Box:
    """A booted machine; commands run in it as root."""

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def try_(self, *command: str, text: str | None = None, seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a command in the box, with `text` as its standard input."""
        return subprocess.run(
            ["nsenter", "--target", str(self._leader), "--all", "--", "env", "--ignore-environment", _PATH, *command],
            input=text or "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def __call__(self, *command: str, text: str | None = None, seconds: float = 30) -> str:
        """Return what a command wrote to standard output; it succeeds."""
        done = self.try_(*command, text=text, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file in the box as an administrator would: what is there keeps owner and mode."""
        self("tee", path, text=text)


@contextmanager
def booted(place: Path, *binds: str, networked: bool = False) -> Iterator[Box]:
    """Boot a box whose scratch file system is mounted at `place`; `binds` are options of systemd-nspawn.

    What runs inside reaches its own loopback only, or if it is `networked`, all that this machine does.
    """
    name, console = f"watcher-box-{os.getpid()}", place.with_name("console")
    network = () if networked else ("--private-network",)
    options = (f"--machine={name}", *network, *binds, "--", "systemd.unit=basic.target")
    boot = (*_TIED, "sh", "-c", _BOOT, "sh", str(place), name, *options)
    with (
        console.open("w") as out,
        subprocess.Popen(boot, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT) as nspawn,
    ):
        try:
            yield until(lambda: _running(nspawn, console))
        finally:
            nspawn.kill()
            nspawn.wait()
            until(lambda: all(_removed(group / name) for group in _GROUPS))  # what is killed may take a moment


def _running(nspawn: "subprocess.Popen[bytes]", console: Path) -> Box | None:
    """Return the box if it is up: its systemd is a child of nspawn, which at first has another."""
    assert nspawn.poll() is None, f"the box did not boot:\n{console.read_text()}"
    boxes = [Box(grandchild) for child in _children(nspawn.pid) for grandchild in _children(child)]
    return next((box for box in boxes if box.try_("systemctl", "is-active", "basic.target").returncode == 0), None)


def _removed(group: Path) -> bool:
    """Remove a control group and those in it; return whether that is done."""
    for directory, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(directory).rmdir()
    return not group.exists()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
