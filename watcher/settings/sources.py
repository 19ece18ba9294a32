"""Where settings come from besides the command line and the environment: settings.toml and credentials."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any  # what a TOML file holds is checked by the model, not here

import tomli
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from watcher.errors import ConfigurationError

CREDENTIALS = {"token": ("upstream", "token"), "web_token": ("web", "token"), "heartbeat": ("heartbeat", "url")}
"""File in the credentials' directory, and the setting that it holds; besides `channels`, with desk = "slack://…"."""


class Source(PydanticBaseSettingsSource):
    """Settings read whole from somewhere; read when they are asked for."""

    def __init__(self, settings_cls: type[BaseSettings], read: Callable[[], dict[str, Any]]) -> None:
        super().__init__(settings_cls)
        self._read = read

    def get_field_value(self, field: object, field_name: str) -> tuple[Any, str, bool]:
        """Never called: all fields come at once."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        """Return the settings; without a token, where one that counts for more says in which file it is."""
        found = self._read()
        above, here = self.current_state.get("upstream"), found.get("upstream")
        if isinstance(above, dict) and "token_file" in above and isinstance(here, dict):
            return found | {"upstream": {name: value for name, value in here.items() if name != "token"}}
        return found


def directories() -> list[Path]:
    """Return where settings.toml and rules.toml are looked for, in this order."""
    configured = os.environ.get("CONFIGURATION_DIRECTORY", "")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    places = [Path(place) for place in configured.split(":") if place]
    return [*places, Path(), Path(home) / "watcher", Path("/etc/watcher")]


def found(name: str) -> Path | None:
    """Return the first file called `name` in these directories; one that may not be looked into has none."""
    return next((directory / name for directory in directories() if os.path.isfile(directory / name)), None)  # noqa: PTH113 - Path.is_file raises there


def from_file() -> dict[str, Any]:
    """Return what settings.toml holds.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML.
    """
    path = found("settings.toml")
    return {} if path is None else _toml(path)


def from_credentials() -> dict[str, Any]:
    """Return what the credentials hold: a file each, and `channels` with the URL of every channel.

    Raises:
        ConfigurationError: one of them cannot be read.
    """
    directory = _credentials()
    if directory is None:
        return {}
    settings: dict[str, Any] = {}
    for name, (section, field) in CREDENTIALS.items():
        # an empty one is none: systemd 252 can leave no credential out, but fill in for a file that is not there
        if _there(directory / name) and (value := _text(directory / name).strip()):
            settings[section] = {field: value}
    if _there(directory / "channels"):
        settings["channels"] = _toml(directory / "channels")
    return settings


def _credentials() -> Path | None:
    if given := os.environ.get("CREDENTIALS_DIRECTORY"):
        return Path(given)
    settings = found("settings.toml")
    return settings.parent / "credentials" if settings else None


def _there(credential: Path) -> bool:
    """True if there is one to read; who may not read it, `watcher status` run by anybody, say, does without.

    Not so the service: what it is given, it can read.
    """
    given = "CREDENTIALS_DIRECTORY" in os.environ
    return os.path.isfile(credential) and (given or os.access(credential, os.R_OK, effective_ids=True))  # noqa: PTH113 - as above


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
