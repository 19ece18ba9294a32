"""The names of settings in the environment, and what a misspelt one was meant to be."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

PREFIX = "WATCHER_"
_CHANNELS = f"{PREFIX}CHANNELS__"


def names_of(model: type[BaseModel], prefix: str = PREFIX) -> list[str]:
    """Return the names of all settings; WATCHER_CHANNELS stands for WATCHER_CHANNELS__NAME of any channel."""
    return list(_names(model, prefix))


def name_at(location: Iterable[int | str]) -> str:
    """Return the name of the setting at this place of the settings: WATCHER_UPSTREAM__URL."""
    return PREFIX + "__".join(str(part).upper() for part in location)


def unknown(environment: Iterable[str], model: type[BaseModel]) -> list[str]:
    """Return a sentence for each name that looks like a setting and is none."""
    known = names_of(model)
    strange = [name for name in environment if name.startswith(PREFIX) and not _is_setting(name, known)]
    return [f"{name} is no setting{_did_you_mean(name, known)}" for name in sorted(strange)]


def misplaced(location: Iterable[int | str], model: type[BaseModel]) -> str:
    """Return a sentence for what stands at this place of a file, and is no setting."""
    place = [str(part) for part in location]
    known = [name.removeprefix(PREFIX).lower().replace("__", ".") for name in names_of(model)]
    return f"{'.'.join(place)} is no setting{_did_you_mean('.'.join(place), known)}"


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        here = prefix + name.upper()
        nested = field.annotation if isinstance(field.annotation, type) else None
        if nested is not None and issubclass(nested, BaseModel):
            yield from _names(nested, f"{here}__")
        else:
            yield here


def _is_setting(name: str, known: list[str]) -> bool:
    if name.upper().startswith(_CHANNELS):
        return len(name) > len(_CHANNELS)
    return name.upper() in known


def _did_you_mean(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
