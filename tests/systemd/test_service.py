"""The service as an administrator meets it: a systemd is booted, the wheel installed, and everything done to it."""

import os
import re
import shutil
import time
from collections.abc import Iterator

import pytest

from tests.systemd.installed import SETTINGS, TOKEN, URL, Installed, installed
from tests.waiting import until

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a box"),
    pytest.mark.skipif(not shutil.which("systemd-nspawn"), reason="there is no systemd-nspawn (systemd-container)"),
]
OLD, NEW = "1.0.0", "1.0.1"
STATE, CREDENTIALS = "/var/lib/watcher", "/etc/watcher/credentials"
MISSPELT = '[[rule]]\nname = "misspelt"\nsymbols = ["US.XRT"]\nwhen = "volum > 0"\n'


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The box, its service running: what the tests do to it, they do one after the other."""
    with installed(tmp_path_factory.mktemp("box"), [OLD, NEW]) as box:
        first = box.watcher("init", "--systemd")
        assert first.returncode == 0, first.stderr
        box.box.write("/etc/watcher/settings.toml", SETTINGS)
        box.box.write(f"{CREDENTIALS}/token", TOKEN)
        box.box.write(f"{CREDENTIALS}/channels", f'desk = "{URL}"\n')
        box.rules("first")
        box.systemctl("enable", "watcher")
        box.restart()
        yield box


@pytest.fixture(autouse=True)
def journal(there: Installed) -> Iterator[None]:
    """Show with a failure what the service said."""
    yield
    print(there.journal("--lines=40"))  # noqa: T201


def test_it_was_ready_polls_and_delivers(there: Installed) -> None:
    assert there.show("ActiveState") == "active"
    message = there.is_told("first")
    assert "true since" in message
    assert re.search(r"\d\d:\d\d", there.show("StatusText")), "when the last cycle was"


def test_init_again_leaves_alone_what_is_yours(there: Installed) -> None:
    rules = there.box("cat", "/etc/watcher/rules.toml")
    again = there.watcher("init", "--systemd")
    assert again.returncode == 0, again.stderr
    assert "written" not in again.stdout
    assert "systemctl restart watcher" in again.stdout
    assert there.box("cat", "/etc/watcher/rules.toml") == rules
    assert there.box("cat", "/etc/watcher/settings.toml") == SETTINGS
    assert there.box("cat", f"{CREDENTIALS}/token") == TOKEN


def test_init_is_for_root_and_says_how(there: Installed) -> None:
    refused = there.watcher("init", "--systemd", user="nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "sudo /opt/watcher/bin/watcher init --systemd" in refused.stderr


def test_a_program_that_the_service_could_not_see_is_not_put_in_place(there: Installed) -> None:
    there.box("cp", "--archive", "/opt/watcher", "/root/watcher")
    refused = there.box.try_("/root/watcher/bin/python", "-m", "watcher", "init", "--systemd")
    assert refused.returncode == 1
    assert "the service could not run /root/watcher/bin/watcher" in refused.stderr


def test_its_exposure_is_low_and_systemd_has_nothing_to_say_of_the_unit(there: Installed) -> None:
    security = there.box("systemd-analyze", "security", "watcher.service")
    overall = re.search(r"Overall exposure level for watcher.service: ([\d.]+)", security)
    assert overall is not None
    assert float(overall[1]) <= 1.1, security
    verified = there.box.try_("systemd-analyze", "verify", "watcher.service")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_it_stays_far_below_its_limits(there: Installed) -> None:
    # as the kernel has it of the process: a box's control groups need not count
    used = dict(re.findall(r"^(\w+):\s+(\d+)", there.box("cat", f"/proc/{there.show('MainPID')}/status"), re.M))
    assert int(used["Threads"]) < int(there.show("TasksMax")) / 2
    assert int(used["VmHWM"]) * 1024 < int(there.show("MemoryMax")) / 2


def test_secrets_are_in_no_environment_no_argument_and_no_log(there: Installed) -> None:
    process = f"/proc/{there.show('MainPID')}"
    seen = there.box("cat", f"{process}/environ", f"{process}/cmdline") + there.journal()
    seen += there.systemctl("show", "watcher") + there.systemctl("status", "watcher")
    assert "CREDENTIALS_DIRECTORY" in seen
    assert "canary" not in seen


@pytest.mark.parametrize("place", [STATE, "/run/watcher", CREDENTIALS, "/run/credentials/watcher.service"])
def test_nobody_else_reads_state_or_secrets(there: Installed, place: str) -> None:
    listed = there.box.try_("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "ls", place)
    assert listed.returncode != 0
    assert "Permission denied" in listed.stderr


def test_only_the_service_writes_its_state(there: Installed) -> None:
    assert there.box("find", STATE, "-not", "-type", "l", "-perm", "/077") == ""


@pytest.mark.parametrize("user", ["root", "watcher"])
def test_an_administrator_finds_the_state_of_the_service(there: Installed, user: str) -> None:
    status = there.watcher("status", user=user)
    assert status.returncode == 0, status.stderr
    assert re.search(r"first +US\.XRT +firing", status.stdout)
    assert "/etc/watcher/rules.toml: valid" in status.stdout


def test_anybody_else_is_told_whom_to_become(there: Installed) -> None:
    status = there.watcher("status", user="nobody")
    assert (status.returncode, status.stdout) == (75, "")
    assert status.stderr == f"{STATE} may not be read by this user: become watcher, who owns it\n"


def test_what_root_does_to_the_state_stays_the_services_own(there: Installed) -> None:
    for command in (["db", "backup"], ["silence", "add", "--rule", "first", "--for", "1h", "--why", "x"]):
        done = there.watcher(*command)
        assert done.returncode == 0, done.stderr
    assert there.box("find", STATE, "-not", "-user", "watcher") == ""


def test_a_reload_takes_up_edited_rules(there: Installed) -> None:
    there.rules("first", "second")
    there.systemctl("reload", "watcher")
    there.is_told("second")
    assert there.show("ActiveState") == "active"


def test_with_bad_rules_the_last_good_ones_run_after_a_restart_too_and_it_is_said(there: Installed) -> None:
    there.rules("first", "second", more=MISSPELT)
    there.restart()
    assert there.show("ActiveState") == "active"
    there.is_told("unknown metric 'volum'")
    errors = there.journal("--priority=err")
    assert 'event="rules kept"' in errors
    assert "unknown metric 'volum'" in errors
    there.rules("first", "second")
    there.is_told("the rules are in order again")


def test_what_was_pending_when_it_was_killed_is_sent_within_ten_seconds(there: Installed) -> None:
    _message_in_flight(there, "killed")
    there.systemctl("kill", "--signal=KILL", "watcher")
    there.systemctl("restart", "receiver")
    there.is_told("killed", seconds=10)
    assert sum("killed" in message for message in there.told()) == 1


def test_it_stops_within_five_seconds_while_a_receiver_hangs(there: Installed) -> None:
    _message_in_flight(there, "hung")
    began = time.monotonic()  # noqa: TID251 - a test measures
    there.systemctl("stop", "watcher")
    assert time.monotonic() - began <= 5  # noqa: TID251
    assert there.show("Result") == "success"
    there.systemctl("restart", "receiver")
    there.restart()
    there.is_told("hung")


def test_frozen_it_is_started_again(there: Installed) -> None:
    drop_in = "/run/systemd/system/watcher.service.d"
    there.box("mkdir", "--parents", drop_in)
    there.box.write(f"{drop_in}/soon.conf", "[Service]\nWatchdogSec=4\n")
    there.systemctl("daemon-reload")
    there.restart()
    time.sleep(5)
    frozen = there.show("MainPID")
    assert there.show("NRestarts") == "0", "it feeds the watchdog"
    there.systemctl("kill", "--signal=STOP", "watcher")
    until(lambda: there.show("ActiveState") == "active" and there.show("MainPID") != frozen)
    assert "Watchdog timeout" in there.journal()
    there.box("rm", "--recursive", drop_in)
    there.systemctl("daemon-reload")
    there.rules("first", "second", "thawed")
    there.is_told("thawed")


def test_it_starts_without_any_credential(there: Installed) -> None:
    there.systemctl("stop", "watcher")
    there.box("mv", CREDENTIALS, "/root/credentials")
    there.box.write("/etc/watcher/rules.toml", "")
    there.restart()
    assert there.show("ActiveState") == "active"
    there.systemctl("stop", "watcher")
    there.box("mv", "/root/credentials", CREDENTIALS)
    there.rules("first", "second", "thawed")


def test_wrong_settings_are_said_and_not_tried_again(there: Installed) -> None:
    there.box.write("/etc/watcher/settings.toml", SETTINGS + "ratte = 5\n")
    assert there.box.try_("systemctl", "restart", "watcher").returncode != 0
    assert (there.show("ActiveState"), there.show("ExecMainStatus"), there.show("NRestarts")) == ("failed", "78", "0")
    assert "upstream.ratte is no setting" in there.journal("--priority=err")
    there.box.write("/etc/watcher/settings.toml", SETTINGS)
    there.restart()


def test_an_upgrade_replaces_the_unit_and_keeps_the_state(there: Installed) -> None:
    unit = "/etc/systemd/system/watcher.service"
    now = there.box("cat", unit)
    there.box.write(unit, now.replace("MemoryMax=512M", "MemoryMax=100M"))
    there.upgrade(NEW)
    assert there.watcher("--version").stdout == f"watcher {NEW}\n"
    assert re.search(f"{unit} +replaced", there.watcher("init", "--systemd").stdout)
    assert there.box("cat", unit) == now
    _goes_on_where_it_was(there)


def test_removed_it_leaves_the_state_from_which_it_goes_on(there: Installed) -> None:
    removed = there.watcher("init", "--systemd", "--remove")
    assert removed.returncode == 0, removed.stderr
    assert there.show("LoadState") == "not-found"
    there.box("test", "-s", f"{STATE}/watcher.db", "-a", "-s", f"{CREDENTIALS}/channels")
    assert there.watcher("status").returncode in {0, 1}
    assert there.watcher("init", "--systemd").returncode == 0
    _goes_on_where_it_was(there)


def _message_in_flight(there: Installed, rule: str) -> None:
    """Have a message on its way to a receiver that hangs."""
    there.systemctl("kill", "--signal=STOP", "receiver")
    there.rules("first", "second", rule)
    there.systemctl("reload", "watcher")
    # 8701 at the other end, connected
    until(lambda: there.box.try_("grep", "-q", " 0100007F:21FD 01 ", "/proc/net/tcp").returncode == 0)


def _goes_on_where_it_was(there: Installed) -> None:
    """Start the service: what fires was told before, and is not told again."""
    told = len(there.told())
    there.restart()
    polled = there.journal().count("event=polled")
    until(lambda: there.journal().count("event=polled") > polled + 1)
    assert re.search(r"first +US\.XRT +firing +2021", there.watcher("status").stdout)
    assert len(there.told()) == told
