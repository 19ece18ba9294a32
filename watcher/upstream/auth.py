"""The bearer token: given, or in a file that is read again when upstream no longer takes what it held."""

from pathlib import Path

from watcher.errors import ConfigurationError

_MASK = "***"
"""What stands in a token's place."""


class Access:
    """What upstream is shown to be let in; without a token and a file, nothing."""

    def __init__(self, token: str | None = None, file: Path | None = None) -> None:
        """Take `token`, or else read it from `file`.

        Raises:
            ConfigurationError: the file cannot be read, or what it holds is no token; quotes nothing of it.
        """
        self._file = file if not token else None
        self._token = _checked(token, "upstream's token") if token else None
        self._former: str | None = None
        if self._file is not None:
            self._token = _read(self._file)

    @property
    def token(self) -> str | None:
        """The token as it is now."""
        return self._token

    def renewed(self, refused: str | None) -> bool:
        """True if there is another token than the one upstream `refused`; the file is read again to see.

        Raises:
            ConfigurationError: as at the start; the token stays as it was.
        """
        if self._file is None:
            return False
        if self._token == refused:  # else another request has renewed it meanwhile
            token = _read(self._file)
            if token != refused:
                self._former, self._token = self._token, token
        return self._token != refused

    def masked(self, text: str) -> str:
        """Return `text` without the token, nor the one before it."""
        for token in (self._token, self._former):
            if token:
                text = text.replace(token, _MASK)
        return text

    def masked_bytes(self, body: bytes) -> bytes:
        """Return `body` without the token, nor the one before it: before a reason quotes, and cuts, any of it."""
        for token in (self._token, self._former):
            if token:
                body = body.replace(token.encode(), _MASK.encode())
        return body


def _read(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"the token file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the token file {file} holds no token: it is not UTF-8 text") from None
    return _checked(text.strip(), f"the token file {file}")


def _checked(token: str, of: str) -> str:
    if not token:
        raise ConfigurationError(f"{of} holds no token: it is empty")
    if not all("!" <= c <= "~" for c in token):
        raise ConfigurationError(f"{of} has a character that no token has: a space, or a line break")
    return token
