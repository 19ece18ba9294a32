"""How to run: settings from the command line, the environment, settings.toml, credentials, defaults; in this order."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from watcher.core.book import url_variable
from watcher.errors import ConfigurationError
from watcher.settings.names import PREFIX, misplaced, name_at, names_of, unknown
from watcher.settings.parsed import Address, Duration, duration
from watcher.settings.sections import (
    HeartbeatSettings,
    MarketSettings,
    MarketsSettings,
    ScheduleSettings,
    UpstreamSettings,
    WebSettings,
)
from watcher.settings.sources import CREDENTIALS, Source, directories, found, from_credentials, from_file

__all__ = [
    "CREDENTIALS",
    "Address",
    "HeartbeatSettings",
    "MarketSettings",
    "MarketsSettings",
    "ScheduleSettings",
    "Settings",
    "UpstreamSettings",
    "WebSettings",
    "directories",
    "duration",
    "found",
    "load",
    "names",
]


def _flat(channels: object) -> object:
    """Return the URL by channel of a--b, too, of which the environment's names make a channel `b` of a channel `a`."""
    if not isinstance(channels, dict):
        return channels
    flat = {name: _flat(url) for name, url in channels.items()}
    deeper = {
        f"{name}__{rest}": url for name, urls in flat.items() if isinstance(urls, dict) for rest, url in urls.items()
    }
    return {name: url for name, url in flat.items() if not isinstance(url, dict)} | deeper


class Settings(BaseSettings):
    """All settings; every field is WATCHER_<FIELD>, nested ones with `__` between."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # as files that list all settings have them
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
        nested_model_default_partial_update=True,
    )

    rules: Path | None = None
    state: Path | None = None
    upstream: UpstreamSettings = UpstreamSettings()
    markets: MarketsSettings = MarketsSettings()
    channels: Annotated[dict[str, SecretStr], BeforeValidator(_flat)] = Field(default_factory=dict)
    retention: Duration = timedelta(days=5 * 365)
    schedule: ScheduleSettings = ScheduleSettings()
    web: WebSettings = WebSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()

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
            Source(settings_cls, from_file),
            Source(settings_cls, from_credentials),
        )

    @property
    def rules_path(self) -> Path:
        """The rule file, or directory of rule files: as set, else the first rules.toml there is."""
        return self.rules.expanduser() if self.rules else found("rules.toml") or Path("rules.toml")

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
        return {url_variable(key): url for key, url in self.channels.items()}.get(url_variable(name))


def load(**overrides: object) -> Settings:
    """Return the settings; `overrides` are those of the command line that were given.

    Raises:
        ConfigurationError: a name that is no setting, or a value that is none; names each, and repeats no value.
    """
    if problems := unknown(os.environ, Settings):
        raise ConfigurationError("\n".join(problems))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        problems = [
            f"{found('settings.toml')}: {misplaced(each['loc'], Settings)}"
            if each["type"] == "extra_forbidden"  # those of the environment were looked at before
            else f"{name_at(each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("\n".join(problems)) from None
    except SettingsError as error:
        raise ConfigurationError(str(error)) from None


def names() -> list[str]:
    """Return the names of all settings; WATCHER_CHANNELS stands for WATCHER_CHANNELS__NAME of any channel."""
    return names_of(Settings)
