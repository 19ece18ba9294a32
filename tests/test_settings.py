"""Settings: from where, in which order, and what is said of those that are wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.canary import CANARY
from watcher import settings
from watcher.core.book import url_variable
from watcher.errors import ConfigurationError
from watcher.settings import duration, load


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own configuration is seen."""
    for name in ("CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10), ("30m", 1800), ("2h", 7200), ("3d", 259200), ("1w", 604800), ("1.5h", 5400)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "0s", "-1s", "1 hour", "1h30m", "nan", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration is written"):
        duration(text)


@pytest.mark.parametrize("text", ["201y", "99999999y", f"{'9' * 400}s"])
def test_no_duration_reaches_back_beyond_all_dates(text: str) -> None:
    assert duration("200y") == timedelta(days=73_000)
    with pytest.raises(ValueError, match="200y at most"):
        duration(text)


def test_the_command_line_goes_before_the_environment_before_the_file_before_credentials_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text(
        'state = "/file"\nrules = "/file"\n[upstream]\ntoken = "file"\nrate = "1/1s"\n'
    )
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text("credential\n")
    monkeypatch.setenv("WATCHER_RULES", "/environment")
    monkeypatch.setenv("WATCHER_STATE", "/environment")
    found = load(state=Path("/line"), rules=None)
    assert (found.state, found.rules) == (Path("/line"), Path("/environment"))
    assert found.upstream.token is not None
    assert found.upstream.token.get_secret_value() == "file"
    assert (found.upstream.rate, found.upstream.timeout) == ("1/1s", timedelta(seconds=10))


def test_secrets_may_be_credentials_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "token").write_text("secret\n")
    (tmp_path / "given" / "channels").write_text('desk = "json://a"\nops-mail = "json://b"\n')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    found = load()
    assert found.upstream.token is not None
    assert found.upstream.token.get_secret_value() == "secret"
    assert [str(found.channel_url(name)) for name in ("desk", "ops-mail", "none")] == [
        "**********",
        "**********",
        "None",
    ]


def test_the_page_and_the_heartbeat_have_credentials_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "web_token").write_text("for the page\n")
    (tmp_path / "given" / "heartbeat").write_text("https://hc.example/uuid\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    monkeypatch.setenv("WATCHER_WEB__LISTEN", "0.0.0.0:9000")
    monkeypatch.setenv("WATCHER_HEARTBEAT__EVERY", "30s")
    found = load()
    assert found.web.token is not None
    assert found.heartbeat.url is not None
    assert found.web.token.get_secret_value() == "for the page"
    assert found.heartbeat.url.get_secret_value() == "https://hc.example/uuid"
    assert (found.web.listen, found.heartbeat.every) == ("0.0.0.0:9000", timedelta(seconds=30))


def test_a_credential_that_the_unit_names_and_nobody_filled_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").mkdir()
    for name in (*settings.CREDENTIALS, "channels"):
        (tmp_path / "given" / name).write_text("\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    found = load()
    assert (found.upstream.token, found.web.token, found.heartbeat.url, found.channels) == (None, None, None, {})


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("off", None),
        ("127.0.0.1:8780", ("127.0.0.1", 8780)),
        (" 127.8.8.8:0 ", ("127.8.8.8", 0)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:8780", ("localhost", 8780)),
    ],
)
def test_the_page_listens_on_this_machine_without_a_token(
    monkeypatch: pytest.MonkeyPatch, listen: str, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("WATCHER_WEB__LISTEN", listen)
    found = load().web.address
    assert found == address
    assert found is None or str(found) == listen.strip()


@pytest.mark.parametrize("listen", ["0.0.0.0:8780", "192.168.1.5:8780", "[::]:8780", "watcher.example:8780"])
def test_beyond_this_machine_the_page_needs_a_token(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    monkeypatch.setenv("WATCHER_WEB__LISTEN", listen)
    with pytest.raises(ConfigurationError, match=r"WATCHER_WEB: .* set WATCHER_WEB__TOKEN"):
        load()
    monkeypatch.setenv("WATCHER_WEB__TOKEN", " ")
    with pytest.raises(ConfigurationError, match="the token is empty"):
        load()
    monkeypatch.setenv("WATCHER_WEB__TOKEN", CANARY)
    assert load().web.address is not None


@pytest.mark.parametrize(
    "listen",
    ["8780", ":8780", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:\u0661", "::1:80", "http://localhost:80", "on"],
)
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    monkeypatch.setenv("WATCHER_WEB__LISTEN", listen)
    with pytest.raises(ConfigurationError, match=r"WATCHER_WEB__LISTEN: an address is written 127\.0\.0\.1:8780"):
        load()


def test_an_environment_writes_a_dash_in_a_channels_name_as_an_underscore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_CHANNELS__OPS_MAIL", "json://b")
    url = load().channel_url("Ops-Mail")
    assert url is not None
    assert url.get_secret_value() == "json://b"


@pytest.mark.parametrize("name", ["a--b", "a__b", "ops-_mail--x", "-a"])
def test_so_it_does_with_several(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(url_variable(name), f"json://{CANARY}")
    url = load().channel_url(name)
    assert url is not None
    assert url.get_secret_value() == f"json://{CANARY}"


def test_what_is_empty_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WATCHER_STATE", "WATCHER_RULES", "WATCHER_SCHEDULE__EVERY"):
        monkeypatch.setenv(name, "")
    found = load()
    assert (found.state_directory, found.rules_path) == (tmp_path / "state" / "watcher", Path("rules.toml"))
    assert found.schedule.every is None


def test_a_home_is_found_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_RULES", "~/r.toml")
    assert load().rules_path == tmp_path / "home" / "r.toml"


def test_a_directory_that_may_not_be_looked_into_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's own, for `sudo -u watcher watcher status`; here one whose name no disk takes, for root may look."""
    monkeypatch.setenv("XDG_CONFIG_HOME", f"/{'x' * 300}")
    assert load().state is None


@pytest.mark.parametrize(
    ("beside", "token"),
    [pytest.param(True, None, id="an administrator's"), pytest.param(False, CANARY, id="the service, which has it")],
)
def test_a_credential_for_other_eyes_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool, token: str | None
) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text(CANARY)
    (tmp_path / "settings.toml").touch()
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # root may read all
    if not beside:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    found = load().upstream.token
    assert (found.get_secret_value() if found else None) == token


def test_a_token_file_goes_before_a_token_that_counts_for_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text("credential")
    (tmp_path / "settings.toml").write_text('[upstream]\ntoken = "file"\n')
    monkeypatch.setenv("WATCHER_UPSTREAM__TOKEN_FILE", "/renewed")
    found = load().upstream
    assert (found.token, found.token_file) == (None, Path("/renewed"))


def test_one_setting_of_a_market_leaves_the_others_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_MARKETS__US__CLOSED", "2026-01-01, 2026-01-02")
    assert load().markets.us.ready_after == timedelta(hours=2)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param(
            "WATCHER_UPSTREAM__TIMEOT", "1s", "(did you mean WATCHER_UPSTREAM__TIMEOUT?)", id="a misspelt name"
        ),
        pytest.param("WATCHER_XYZZY", CANARY, "WATCHER_XYZZY is no setting", id="a name like no other"),
        pytest.param("WATCHER_CHANNELS__", CANARY, "WATCHER_CHANNELS__ is no setting", id="a channel without a name"),
        pytest.param("WATCHER_UPSTREAM__TIMEOUT", CANARY, "__TIMEOUT: a duration is written", id="a wrong value"),
        pytest.param("WATCHER_MARKETS__HK__CLOSED", CANARY, "WATCHER_MARKETS__HK__CLOSED", id="a wrong date"),
    ],
)
def test_what_is_wrong_is_named_and_its_value_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        load()
    assert said in str(raised.value)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            b"[upstream]\nurll = 'x'\n",
            "settings.toml: upstream.urll is no setting (did you mean upstream.url?)",
            id="an unknown key",
        ),
        pytest.param(f"[upstream]\ntimeout = '{CANARY}'\n".encode(), "a duration is written", id="a wrong value"),
        pytest.param(f"token = = {CANARY}".encode(), "settings.toml:1:9: error:", id="no TOML"),
        pytest.param(b"state = '\xff'", "settings.toml is not UTF-8 text", id="no text"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load()
    assert said in str(raised.value)
    assert CANARY not in str(raised.value)


def test_files_are_looked_for_in_the_services_directory_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    for directory in (tmp_path, tmp_path / "etc"):
        (directory / "rules.toml").write_text("")
    assert load().rules_path == Path("rules.toml")
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", f"{tmp_path / 'none'}:{tmp_path / 'etc'}")
    assert load().rules_path == tmp_path / "etc" / "rules.toml"


def test_the_state_is_the_services_or_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().state_directory == tmp_path / "state" / "watcher"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/watcher:/other")
    assert load().state_directory == Path("/var/lib/watcher")
    monkeypatch.setenv("WATCHER_STATE", "~/mine")
    assert load().state_directory == tmp_path / "home" / "mine"


def test_every_setting_has_a_name_in_the_environment() -> None:
    assert {"WATCHER_RULES", "WATCHER_UPSTREAM__TOKEN_FILE", "WATCHER_MARKETS__HK__READY_AFTER"} <= set(
        settings.names()
    )


def test_no_secret_prints_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPSTREAM__TOKEN", "UPSTREAM__PROXY", "CHANNELS__DESK", "WEB__TOKEN", "HEARTBEAT__URL"):
        monkeypatch.setenv(f"WATCHER_{name}", f"http://{CANARY}")
    assert CANARY not in f"{load()!r} {load()}"
