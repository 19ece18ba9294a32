"""What can go so wrong that a caller cannot go on.

WatcherError
├── ConfigurationError   settings or rules are unusable as they stand; the person has to act (exit 78)
├── UpstreamError        upstream cannot be used at all (exit 75)
└── StoreError           state on disk cannot be used (exit 75)
    ├── StateInUse       another process holds the state directory
    └── StateDamaged     the file is not the database it should be

Expected outcomes, such as a refused request or an undelivered message, are values instead:
`watcher.core.answer`, `watcher.core.outbox`.
"""


class WatcherError(Exception):
    """Root of all errors raised on purpose; its text is meant for the person at the terminal."""


class ConfigurationError(WatcherError):
    """Settings or rules are unusable as they stand."""


class UpstreamError(WatcherError):
    """Upstream cannot be used at all."""


class StoreError(WatcherError):
    """State on disk cannot be used."""


class StateInUse(StoreError):
    """Another process holds the state directory."""


class StateDamaged(StoreError):
    """The file is there, but it is not the database it should be."""


def told_in(error: BaseException | None) -> WatcherError | None:
    """Return the error that is meant for people; the first one, where tasks failed together with nothing but such."""
    if isinstance(error, WatcherError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    told = [told_in(each) for each in error.exceptions]
    return None if None in told else told[0]
