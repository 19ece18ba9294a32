"""Whole processes as a user starts them: their environment, their time, and a daemon looked at from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

PROBED = """
import signal, sys
def tell(*_):
    with open("modules", "w") as file:
        file.write("\\n".join(name for name in sys.modules if name != "__main__"))
signal.signal(signal.SIGUSR1, tell)
sys.argv = ["watcher", "run"]
from watcher.cli import main
main()
"""
"""`watcher run` that writes down which modules it has loaded when it is asked to."""


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """The environment of a watcher at work in `directory`.

    Bytecode is kept, as installing a package leaves it: where it is not written, each start compiles our modules, and
    nobody else's.
    """
    outside = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WATCHER_") and name not in {"PYTHONDONTWRITEBYTECODE", "NOTIFY_SOCKET"}
    }
    kept = {"PYTHONPYCACHEPREFIX": str(directory / "bytecode"), "WATCHER_STATE": str(directory / "state")}
    return outside | kept | {f"WATCHER_{name}": value for name, value in settings.items()}


def timed(command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a process that ends well, those it starts included."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, env=dict(environment), cwd=cwd, check=True, capture_output=True, timeout=300)
    wall, after = time.perf_counter() - began, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


class Running:
    """A daemon, seen from outside."""

    def __init__(self, process: "Popen[bytes]", directory: Path, told: socket.socket) -> None:
        self._process = process
        self._directory = directory
        self._told = told
        self._began = time.perf_counter()

    def ready(self) -> float:
        """Seconds from the start of the process to READY=1."""
        while b"READY=1" not in self._told.recv(4096):
            pass
        return time.perf_counter() - self._began

    def wait_for_cycle(self, seconds: float) -> None:
        """Wait until a cycle over everything ended."""
        began = time.perf_counter()
        while not (self._directory / "state" / "cycle.json").exists():
            assert time.perf_counter() - began < seconds
            time.sleep(0.1)

    def memory(self, of: str = "VmRSS") -> float:
        """Memory in MiB: what it has now, or with VmHWM the most it ever had."""
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(of)) / 1024

    def cpu(self) -> float:
        """CPU seconds of all its threads."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in (self._proc / "task").iterdir()) / 1e9

    def modules(self) -> list[str]:
        """The modules it has loaded, in the order in which it did."""
        written = self._directory / "modules"
        self._process.send_signal(signal.SIGUSR1)
        while not written.exists() or not written.read_text():
            time.sleep(0.01)
        names = written.read_text().split("\n")
        written.unlink()
        return names

    @property
    def _proc(self) -> Path:
        return Path("/proc") / str(self._process.pid)


@contextmanager
def running(directory: Path, settings: Mapping[str, str]) -> Iterator[Running]:
    """A daemon in `directory`, where its rules are; it is told to stop at the end."""
    address = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(60)
        env = environment(directory, **settings) | {"NOTIFY_SOCKET": str(address)}
        with Popen([sys.executable, "-c", PROBED], cwd=directory, env=env, stdout=DEVNULL, stderr=DEVNULL) as process:
            try:
                yield Running(process, directory, told)
            finally:
                process.terminate()
                process.wait(30)
        address.unlink()


IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def importing(modules: Sequence[str]) -> list[str]:
    """The command that imports these, and does nothing else; it prints its memory in KiB."""
    return [sys.executable, "-c", IMPORTS, *modules]
