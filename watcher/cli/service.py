"""The service in place, as systemd runs it: its own files are replaced, yours are left alone."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import watcher
from watcher.errors import WatcherError
from watcher.rulebook import STARTING_POINT, schema_text

USER = "watcher"
"""Whom the service runs as: the name of the user, and of the group."""
_UNIT, _SYSUSERS = "etc/systemd/system/watcher.service", "etc/sysusers.d/watcher.conf"
_HERE = Path(__file__).parent
_PLACE_IN_UNIT = "/opt/watcher/bin"
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - the unit hides them; nothing is put there


class Done(NamedTuple):
    """What became of each file, and what there is to do next."""

    files: list[tuple[Path, str]]
    advice: tuple[str, ...]


def install(root: Path) -> Done:
    """Put the service in place, or bring it up to date; below another root than `/`, its files alone.

    Raises:
        WatcherError: this is not root, something cannot be written, or the service could not reach its program.
    """
    program, here = _program(), root == Path("/")
    if here:
        _as_root("watcher init --systemd", program)
        _reachable(program)
    etc = root / "etc/watcher"
    try:
        files = [(root / _SYSUSERS, _replace(root / _SYSUSERS, (_HERE / "watcher.sysusers").read_text("utf-8")))]
        if here:
            _make_user()
        files += [
            (etc / "settings.toml", _keep(etc / "settings.toml", (_HERE / "service_settings.toml").read_text("utf-8"))),
            (etc / "rules.toml", _keep(etc / "rules.toml", STARTING_POINT)),
            (etc / "rules.schema.json", _replace(etc / "rules.schema.json", schema_text())),
            (etc / "credentials", _make_secret(etc / "credentials", USER if here else None)),
            (root / _UNIT, _replace(root / _UNIT, _unit(program if here else None))),
        ]
    except OSError as error:
        raise WatcherError(f"{error.filename} cannot be written: {error.strerror}") from None
    if here and _booted():
        _run("systemctl", "daemon-reload")
        if _run("systemctl", "is-active", "watcher", check=False) == 0:
            return Done(files, ("systemctl restart watcher: until then it runs what was installed before",))
    return Done(
        files,
        (
            "edit /etc/watcher/settings.toml: where upstream is",
            "edit /etc/watcher/rules.toml: what to watch, and whom to tell",
            "put each secret into a file of /etc/watcher/credentials: token, channels, web_token, heartbeat",
            f"{program} check",
            "systemctl enable --now watcher",
            f"sudo -u {USER} {program} status",
        ),
    )


def remove(root: Path) -> Done:
    """Stop the service and take it away; rules, settings, secrets, state and the user stay.

    Raises:
        WatcherError: this is not root, or the service cannot be stopped.
    """
    here = root == Path("/")
    if here:
        _as_root("watcher init --systemd --remove", _program())
    unit, sysusers = root / _UNIT, root / _SYSUSERS
    booted = here and _booted()
    if booted and unit.exists():
        _run("systemctl", "disable", "--now", "watcher")
    files = []
    for path in (unit, sysusers):
        files.append((path, "removed" if path.exists() else "was not there"))
        path.unlink(missing_ok=True)
    if booted:
        _run("systemctl", "daemon-reload")
    files += [(root / kept, "left as it is") for kept in ("etc/watcher", "var/lib/watcher")]
    return Done(files, ("only if all is to be forgotten: rm -r /etc/watcher /var/lib/watcher; userdel watcher",))


def _program() -> Path:
    """Return this program as it was called, else where it is installed."""
    called = Path(sys.argv[0]).absolute()
    return called if called.name == "watcher" and called.is_file() else Path(sysconfig.get_path("scripts")) / "watcher"


def _as_root(command: str, program: Path) -> None:
    if os.geteuid() != 0:
        raise WatcherError(f"`{command}` is for root: sudo {program.parent}/{command}")


def _reachable(program: Path) -> None:
    """Refuse to have a service run what it cannot see, or not read."""
    for path in (program, Path(sys.executable).resolve(), Path(watcher.__file__).resolve()):
        hidden = any(path.is_relative_to(place) for place in _HIDDEN)
        closed = next((parent for parent in path.parents if not parent.stat().st_mode & 0o001), None)
        if hidden or closed:
            why = (
                f"only its owner may enter {closed}" if closed else "it sees nothing of home and temporary directories"
            )
            raise WatcherError(
                f"the service could not run {path}: {why}. Install watcher into /opt/watcher, say, with a Python that "
                "everybody can run, and call /opt/watcher/bin/watcher init --systemd"
            )


def _unit(program: Path | None) -> str:
    """Return the unit, which finds the program where it is, or in one of the usual places."""
    text = (_HERE / "watcher.service").read_text("utf-8")
    return text.replace(_PLACE_IN_UNIT, str(program.parent).replace("%", "%%")) if program else text


def _make_user() -> None:
    if shutil.which("systemd-sysusers"):
        _run("systemd-sysusers", f"/{_SYSUSERS}")


def _booted() -> bool:
    return Path("/run/systemd/system").is_dir()  # sd_booted(3)


def _run(*command: str, check: bool = True) -> int:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a command of ours
    if check and done.returncode != 0:
        raise WatcherError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}")
    return done.returncode


def _replace(path: Path, text: str) -> str:
    """Have a file say `text`, in one step; return what became of it."""
    before = path.read_text("utf-8") if path.exists() else None
    if before == text:
        return "is up to date"
    _make_directory(path.parent)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(text, "utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)
    return "written" if before is None else "replaced"


def _keep(path: Path, text: str) -> str:
    """Have a file say `text` if there is none; return what became of it."""
    return "left as it is" if path.exists() or path.is_symlink() else _replace(path, text)


def _make_secret(path: Path, group: str | None) -> str:
    """Have a directory whose files `group` may read, whoever puts them there, and nobody else; return what became."""
    if path.is_dir():
        return "left as it is"
    path.mkdir(mode=0o700)
    if group:
        try:
            shutil.chown(path, group=group)
        except LookupError:
            path.rmdir()
            raise WatcherError(f"there is no group {group}, and no systemd-sysusers to make it") from None
    path.chmod(0o2750)  # what root puts there belongs to the group, too
    return "made"


def _make_directory(path: Path) -> None:
    """Make a directory that everybody can read, whatever this process's umask."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir()
    path.chmod(0o755)
