"""The unit as it stands, and `watcher init --systemd` below another root: what can be seen without a booted systemd."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.live import environment, printed, watcher

UNIT = Path(__file__).parents[2] / "systemd/watcher.service"
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze (systemd)")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment("http://127.0.0.1:9", tmp_path / "state")


@needs_systemd
def test_systemd_has_nothing_to_say_of_the_unit() -> None:
    done = subprocess.run(["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), "it exits with 0 on keys that it does not know"


@needs_systemd
def test_the_unit_exposes_little() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    overall = re.search(r"Overall exposure level for watcher.service: ([\d.]+)", done.stdout)
    assert overall is not None, done.stderr
    assert float(overall[1]) <= 1.1


def test_every_credential_that_is_a_setting_is_loaded_and_may_be_missing() -> None:
    from watcher.settings import CREDENTIALS

    text = UNIT.read_text()
    wanted = {*CREDENTIALS, "channels"}
    assert set(re.findall(r"^LoadCredential=(\w+):/etc/watcher/credentials/\1$", text, re.M)) == wanted
    assert set(re.findall(r"^SetCredential=(\w+):\\n$", text, re.M)) == wanted


def test_its_files_are_for_everybody_and_its_secrets_for_nobody_else_whatever_the_umask(
    tmp_path: Path, env: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "watcher", "init", "--systemd", "--root", str(tmp_path / "root")]
    made = subprocess.run(command, env=env, umask=0o077, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    etc = tmp_path / "root/etc"
    modes = {str(path.relative_to(etc)): stat.filemode(path.stat().st_mode) for path in etc.rglob("*")}
    assert modes == {
        "systemd": "drwxr-xr-x",
        "systemd/system": "drwxr-xr-x",
        "systemd/system/watcher.service": "-rw-r--r--",
        "sysusers.d": "drwxr-xr-x",
        "sysusers.d/watcher.conf": "-rw-r--r--",
        "watcher": "drwxr-xr-x",
        "watcher/credentials": "drwxr-s---",
        "watcher/rules.schema.json": "-rw-r--r--",
        "watcher/rules.toml": "-rw-r--r--",
        "watcher/settings.toml": "-rw-r--r--",
    }
    assert (etc / "systemd/system/watcher.service").read_text() == UNIT.read_text()


def test_done_again_it_replaces_what_is_its_own_and_nothing_else(tmp_path: Path, env: dict[str, str]) -> None:
    arguments = ("init", "--systemd", "--root", str(tmp_path), "--json")
    first = printed(watcher(*arguments, env=env, cwd=tmp_path))
    etc = tmp_path / "etc"
    yours = [etc / "watcher" / name for name in ("rules.toml", "settings.toml", "credentials/token")]
    for path in yours:
        path.write_text("mine")
    (etc / "systemd/system/watcher.service").write_text("of an older version")
    again = printed(watcher(*arguments, env=env, cwd=tmp_path))
    assert [path.read_text() for path in yours] == ["mine"] * 3
    assert (etc / "systemd/system/watcher.service").read_text() == UNIT.read_text()
    assert _became(first) == {
        "watcher.conf": "written",
        "settings.toml": "written",
        "rules.toml": "written",
        "rules.schema.json": "written",
        "credentials": "made",
        "watcher.service": "written",
    }
    assert _became(again) == {
        "watcher.conf": "is up to date",
        "settings.toml": "left as it is",
        "rules.toml": "left as it is",
        "rules.schema.json": "is up to date",
        "credentials": "left as it is",
        "watcher.service": "replaced",
    }


def test_removed_it_leaves_what_is_yours(tmp_path: Path, env: dict[str, str]) -> None:
    arguments = ("init", "--systemd", "--root", str(tmp_path))
    watcher(*arguments, env=env, cwd=tmp_path)
    removed = watcher(*arguments, "--remove", "--json", env=env, cwd=tmp_path)
    assert _became(printed(removed))["watcher.service"] == "removed"
    left = sorted(path.name for path in (tmp_path / "etc").rglob("*") if path.is_file())
    assert left == ["rules.schema.json", "rules.toml", "settings.toml"]


def test_the_settings_and_rules_it_writes_are_in_order(tmp_path: Path, env: dict[str, str]) -> None:
    watcher("init", "--systemd", "--root", str(tmp_path), env=env, cwd=tmp_path)
    configured = {**env, "CONFIGURATION_DIRECTORY": str(tmp_path / "etc/watcher")}
    del configured["WATCHER_UPSTREAM__URL"], configured["WATCHER_STATE"]
    assert "/etc/watcher/rules.toml" in watcher("check", env=configured, cwd=tmp_path).stdout, "wherever it is called"
    configured["WATCHER_RULES"] = str(tmp_path / "etc/watcher/rules.toml")
    checked = watcher("check", env=configured, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    refused = watcher("run", "--state", "state", env=configured, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (78, "")
    assert "where is upstream?" in refused.stderr


@pytest.mark.parametrize(
    "arguments", [["--remove"], ["--root", "elsewhere"], ["--systemd", "--root", "elsewhere", "a-directory"]]
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, env: dict[str, str], arguments: list[str]) -> None:
    assert watcher("init", *arguments, env=env, cwd=tmp_path).returncode == 2
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_said(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "etc").write_text("a file")
    refused = watcher("init", "--systemd", "--root", str(tmp_path), env=env, cwd=tmp_path)
    assert refused.returncode == 1
    assert f"{tmp_path}/etc" in refused.stderr
    assert "cannot be written" in refused.stderr


def test_a_wheel_has_the_units(tmp_path: Path) -> None:
    top = UNIT.parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=top, check=True, capture_output=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    shutil.unpack_archive(next(tmp_path.glob("*.whl")), tmp_path / "unpacked", "zip")
    for name in ("watcher.service", "watcher.sysusers"):
        assert (tmp_path / "unpacked/watcher/cli" / name).read_bytes() == (UNIT.parent / name).read_bytes()


def _became(done: object) -> dict[str, str]:
    assert isinstance(done, dict)
    return {Path(each["path"]).name: each["what"] for each in done["files"]}
