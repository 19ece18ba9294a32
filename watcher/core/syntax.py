"""A text of the `when` language: its syntax tree, read by Python's own parser, and where each node of it stands."""

import ast
import re
import warnings
from dataclasses import dataclass

MAX_LENGTH = 2000
"""Characters; a longer text is refused before it is parsed."""

_SHOWN = 60
"""Characters of the text that a message quotes, at most."""
_EXPLAINED = re.compile(r"[.;]| \(")
"""Where the parser begins to give advice, which is about Python."""
_COMMENT = re.compile(r"#[^\r\n]*")
_MISSPELT = (
    (re.compile(r"&&"), "write and"),
    (re.compile(r"\|\|"), "write or"),
    (re.compile(r"=>|≥|⩾"), "write >="),
    (re.compile(r"=<|≤|⩽"), "write <="),
    (re.compile(r"<>|≠"), "write !="),
    (re.compile(r"(?<![<>=!])=(?!=)"), "equality is written =="),
    (re.compile(r"(?<=\d)\s*%"), "percent is written 15, without a sign"),
    (re.compile(r"!(?!=)"), "write not"),
    (re.compile(r"[−–]"), "write -"),
    (re.compile(r"×"), "write *"),
    (re.compile(r"÷"), "write /"),
    (re.compile(r"\\"), "a condition goes on over lines as it is"),
    (re.compile(r"\b(?:AND|OR|NOT)\b"), "and, or, not are written in small letters"),
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, or odd, about characters `start` to `end` of a text."""

    start: int
    end: int
    message: str
    suggestion: str | None = None
    """What to do about it."""
    warning: bool = False
    """True if the text can be used all the same."""


class Source:
    """A text, and the places of its syntax tree in it, counted in characters."""

    __slots__ = ("_encoded", "_line", "_margin", "text")

    def __init__(self, text: str) -> None:
        """Take the text as the person wrote it."""
        self.text = text
        self._margin = len(text) - len(text.lstrip())
        # on one line, every character where it was: so positions hold for texts of several lines too
        self._line = text[self._margin :].replace("\r", " ").replace("\n", " ").replace("\f", " ")
        self._encoded = self._line.encode("utf-8", "surrogatepass")

    def tree(self) -> ast.expr | Flaw:
        """Return the root of the syntax tree, or why there is none."""
        if flaw := self._unreadable():
            return flaw
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python warns of here, such as "1if", is refused later on
                return ast.parse(self._line, mode="eval").body
        except SyntaxError as error:
            return self._syntax_flaw(error)
        except (RecursionError, MemoryError):  # the parser's own way to say that its stack is full
            return Flaw(*self._whole, "this is nested too deeply to be read", "write it in simpler parts")

    def span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        """Return where the node starts and ends; the tree counts bytes."""
        start, end = (
            len(self._encoded[:column].decode("utf-8")) for column in (node.col_offset, node.end_col_offset or 0)
        )
        return self._margin + start, self._margin + end

    def excerpt(self, node: ast.expr) -> str:
        """Return the text of the node on one line, cut where it is long."""
        start, end = self.span(node)
        written = " ".join(self.text[start:end].split())
        return written if len(written) <= _SHOWN else f"{written[: _SHOWN - 1]}…"

    @property
    def _whole(self) -> tuple[int, int]:
        return self._margin, max(len(self.text.rstrip()), self._margin)

    def _unreadable(self) -> Flaw | None:
        if not self.text.strip():
            return Flaw(0, len(self.text), "there is no condition here", "for example short_percent > 40")
        if len(self.text) > MAX_LENGTH:
            return Flaw(*self._whole, f"this is longer than {MAX_LENGTH} characters", "split it into several rules")
        for i, character in enumerate(self.text):
            if not character.isprintable() and character not in "\t\n\r\f":
                message = f"an unprintable character stands here, U+{ord(character):04X}"
                return Flaw(i, i + 1, message, "remove it, or write a plain space")
        if found := _COMMENT.search(self.text):
            return Flaw(*found.span(), "a comment cannot stand in a condition", "move it above the condition")
        return None

    def _syntax_flaw(self, error: SyntaxError) -> Flaw:
        for pattern, suggestion in _MISSPELT:
            if found := pattern.search(self.text):
                sign = found.group().strip()
                return Flaw(found.end() - len(sign), found.end(), f"'{sign}' is not part of the language", suggestion)
        suggestion = "a condition is written short_percent > 40"
        first, last = self._whole
        if not error.offset:  # so the parser says that it came to the end, and wanted more
            return Flaw(last - 1, last, "the condition breaks off here", suggestion)
        start = min(first + error.offset - 1, last - 1)
        end = min(first + (error.end_offset or 0) - 1, last)
        reason = _EXPLAINED.split(error.msg, maxsplit=1)[0]
        return Flaw(start, max(end, start + 1), f"this cannot be read: {reason}", suggestion)
