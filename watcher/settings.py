"""How to run: settings from the command line, the environment, settings.toml, credentials, defaults; in this order."""

import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import tomli
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from watcher.errors import ConfigurationError

PREFIX = "WATCHER_"
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def duration(text: object) -> timedelta:
    """Return the duration written as `500ms`, `10s`, `30m`, `2h`, `3d`, `1w` or `5y`.

    Raises:
        ValueError: it is not written so, or is not above zero.
    """
    if isinstance(text, timedelta):
        return text
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)", str(text).strip())
    if not found or float(found[1]) <= 0:
        raise ValueError("a duration is written 10s, 30m, 2h, 3d or 5y")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def listed(value: object) -> object:
    """Return the parts of a text written with commas between them; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(duration)]
Dates = Annotated[tuple[date, ...], NoDecode, BeforeValidator(listed)]
"""In the environment 2026-09-08,2026-09-09; in settings.toml a list."""
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(listed), Field(min_length=1)]
"""In the environment 5m,10m; in settings.toml a list."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class UpstreamSettings(_Section):
    """Where upstream is and how it is asked."""

    url: str | None = None
    path: str = "/v1/quote/{symbol}/short-selling/daily-short-volume"
    token: SecretStr | None = None
    token_file: Path | None = None
    rate: str = "30/30s"
    timeout: Duration = timedelta(seconds=10)
    proxy: SecretStr | None = None
    ca_file: Path | None = None


class MarketSettings(_Section):
    """When a market's rows are to be expected."""

    ready_after: Duration
    closed: Dates = ()


class MarketsSettings(_Section):
    """Both markets."""

    hk: MarketSettings = MarketSettings(ready_after=timedelta(minutes=30))
    us: MarketSettings = MarketSettings(ready_after=timedelta(hours=2))


class ScheduleSettings(_Section):
    """When what is not there yet is asked for again, and what overrides the calendar."""

    every: Duration | None = None
    probe_gaps: Durations = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60))
    straggler_gaps: Durations = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 120, 240, 480))


def channel_key(name: str) -> str:
    """Return the name of a channel as environments can write it: `Ops-Mail` is set by WATCHER_CHANNELS__OPS_MAIL."""
    return name.lower().replace("-", "_")


class Settings(BaseSettings):
    """All settings; every field is WATCHER_<FIELD>, nested ones with `__` between."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
        nested_model_default_partial_update=True,
    )

    rules: Path | None = None
    state: Path | None = None
    upstream: UpstreamSettings = UpstreamSettings()
    markets: MarketsSettings = MarketsSettings()
    channels: dict[str, SecretStr] = Field(default_factory=dict)
    retention: Duration = timedelta(days=5 * 365)
    schedule: ScheduleSettings = ScheduleSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put settings.toml and the credentials behind the environment."""
        return (
            init_settings,
            env_settings,
            _Source(settings_cls, _from_file),
            _Source(settings_cls, _from_credentials),
        )

    @property
    def rules_path(self) -> Path:
        """The rule file, or directory of rule files: as set, else the first rules.toml there is."""
        return self.rules or found("rules.toml") or Path("rules.toml")

    @property
    def state_directory(self) -> Path:
        """Where the state is: as set, else the service's, else the user's own."""
        if self.state:
            return self.state.expanduser()
        if service := os.environ.get("STATE_DIRECTORY"):
            return Path(service.split(":")[0])
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
        return Path(home) / "watcher"

    def channel_url(self, name: str) -> SecretStr | None:
        """Return the URL of a channel, if it has one."""
        return {channel_key(key): url for key, url in self.channels.items()}.get(channel_key(name))


class _Source(PydanticBaseSettingsSource):
    """Settings read whole from somewhere; read when they are asked for."""

    def __init__(self, settings_cls: type[BaseSettings], read: Callable[[], dict[str, Any]]) -> None:
        super().__init__(settings_cls)
        self._read = read

    def get_field_value(self, field: object, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # never called: __call__ returns all fields at once

    def __call__(self) -> dict[str, Any]:
        return self._read()


def load(**overrides: object) -> Settings:
    """Return the settings; `overrides` are those of the command line that were given.

    Raises:
        ConfigurationError: a name that is no setting, or a value that is none; names each, and repeats no value.
    """
    unknown = [name for name in os.environ if name.startswith(PREFIX) and not _is_setting(name)]
    if unknown:
        raise ConfigurationError("\n".join(f"{name} is no setting{_did_you_mean(name)}" for name in sorted(unknown)))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        problems = [
            f"{_name(each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("\n".join(problems)) from None
    except SettingsError as error:
        raise ConfigurationError(str(error)) from None


def directories() -> list[Path]:
    """Return where settings.toml and rules.toml are looked for, in this order."""
    configured = os.environ.get("CONFIGURATION_DIRECTORY", "")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    places = [Path(place) for place in configured.split(":") if place]
    return [*places, Path(), Path(home) / "watcher", Path("/etc/watcher")]


def found(name: str) -> Path | None:
    """Return the first file called `name` in these directories."""
    return next((directory / name for directory in directories() if (directory / name).is_file()), None)


def names() -> list[str]:
    """Return the names of all settings; WATCHER_CHANNELS__NAME stands for any channel."""
    every = []
    for name, field in Settings.model_fields.items():
        nested = field.annotation if isinstance(field.annotation, type) else None
        if nested is not None and issubclass(nested, BaseModel):
            every += _nested_names(PREFIX + name.upper(), nested)
        else:
            every.append(PREFIX + name.upper())
    return every


def _nested_names(prefix: str, section: type[BaseModel]) -> list[str]:
    every = []
    for name, field in section.model_fields.items():
        nested = field.annotation if isinstance(field.annotation, type) else None
        here = f"{prefix}__{name.upper()}"
        every += _nested_names(here, nested) if nested is not None and issubclass(nested, BaseModel) else [here]
    return every


def _is_setting(name: str) -> bool:
    if name.upper().startswith(f"{PREFIX}CHANNELS__"):
        return len(name) > len(f"{PREFIX}CHANNELS__")
    return name.upper() in names()


def _did_you_mean(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, names(), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _name(location: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in location)


def _from_file() -> dict[str, Any]:
    path = found("settings.toml")
    return {} if path is None else _toml(path)


def _from_credentials() -> dict[str, Any]:
    """Credentials: `token` holds the bearer token, `channels` has lines such as desk = "slack://…"."""
    directory = _credentials()
    if directory is None:
        return {}
    settings: dict[str, Any] = {}
    if (directory / "token").is_file():
        settings["upstream"] = {"token": _text(directory / "token").strip()}
    if (directory / "channels").is_file():
        settings["channels"] = _toml(directory / "channels")
    return settings


def _credentials() -> Path | None:
    if given := os.environ.get("CREDENTIALS_DIRECTORY"):
        return Path(given)
    settings = found("settings.toml")
    beside = settings.parent / "credentials" if settings else None
    return beside if beside and beside.is_dir() else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(_text(path))
    except tomli.TOMLDecodeError as error:  # its message quotes no text of the file
        raise ConfigurationError(f"{path}:{error.lineno}:{error.colno}: error: {error.msg}") from None
