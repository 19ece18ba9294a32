"""Positions: of keys and values, and of characters inside strings of every kind."""

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.language import Flaw
from watcher.rulebook.places import places
from watcher.rulebook.source import Source
from watcher.rulebook.strings import characters


def meant(raw: str, word: str, before: str = "") -> tuple[int, int, str]:
    """Put a flaw on `word` of the value of `when = RAW`; return line, column and the characters that are marked."""
    text = f"{before}when = {raw}\n"
    start = tomli.loads(text)["when"].index(word)
    problem = Source("f", text).root.at("when").on_flaw(Flaw(start, start + len(word), "odd"))
    assert problem.source is not None
    marked = problem.source[problem.column - 1 : problem.column - 1 + problem.width]
    return problem.line, problem.column, marked


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        pytest.param('"a xx b"', (1, 11, "xx"), id="a basic string"),
        pytest.param("'a xx b'", (1, 11, "xx"), id="a literal string"),
        pytest.param("'\\u0041 xx'", (1, 16, "xx"), id="a literal string has no escapes"),
        pytest.param('"\\u0041\\" xx"', (1, 18, "xx"), id="behind escapes"),
        pytest.param('"\\U0001F600 xx"', (1, 20, "xx"), id="behind a long escape"),
        pytest.param('"\\u0078x"', (1, 9, "\\u0078x"), id="an escape is marked whole"),
        pytest.param('"\\\\\\t\\n xx"', (1, 16, "xx"), id="behind short escapes"),
        pytest.param('"""a xx b"""', (1, 13, "xx"), id="a string in three quotes"),
        pytest.param("'''a xx b'''", (1, 13, "xx"), id="a literal string in three quotes"),
        pytest.param('"""\na\n  xx"""', (3, 3, "xx"), id="on the third line"),
        pytest.param("'''\na\n\txx'''", (3, 2, "xx"), id="on the third line of a literal string, behind a tab"),
        pytest.param('"""xx\nb"""', (1, 11, "xx"), id="on the line of the quotes"),
        pytest.param('"""\n\n xx"""', (3, 2, "xx"), id="only the first line break is left out"),
        pytest.param('"""a \\\n   xx"""', (2, 4, "xx"), id="behind a backslash at the end of the line"),
        pytest.param('"""a \\  \n\n\t xx"""', (3, 3, "xx"), id="what such a backslash swallows spans lines"),
        pytest.param('"""a "quoted" "" xx"""', (1, 25, "xx"), id="behind quotes within three quotes"),
        pytest.param('"""xx"""""', (1, 11, "xx"), id="before quotes that end the text"),
        pytest.param('"香港 xx"', (1, 12, "xx"), id="columns are characters, not bytes"),
        pytest.param('"\U0001f4c8 xx"', (1, 11, "xx"), id="a character beyond the sixteenth bit is one"),
    ],
)
def test_a_character_of_a_value_is_found_in_the_file(raw: str, place: tuple[int, int, str]):
    assert meant(raw, "xx") == place


def test_lines_before_are_counted_in_characters_too():
    assert meant('"xx"', "xx", before="# 香港 \U0001f4c8\n\n") == (3, 9, "xx")


def test_a_word_across_lines_is_marked_to_the_end_of_its_first_line():
    assert meant('"""a x\\\n x b"""', "xx") == (1, 13, "x\\")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), st.sampled_from(['"', '"""', "'", "'''"]))
def test_every_character_of_a_string_stands_where_it_is_said_to(value: str, quote: str):
    """Read back character by character, a string of any kind is its value."""
    written = value.replace("\\", "\\\\").replace('"', '\\"') if quote[0] == '"' else value.replace("'", "")
    raw = f"{quote}{written}{quote}"
    *spans, end = characters(raw)
    decoded = tomli.loads(f"x = {raw}")["x"]
    assert "".join(raw[span.start : span.end][-1] for span in spans) == decoded
    assert end == (len(raw) - len(quote),) * 2


PLACES = """\
a.b = 1
"c d" = { e = [1, { f = 2 }], 'g' = "x" }
[t]
h = [ # one
  1,  # two
  [2, 3],
]
[t.u."v w"]
i = 5
[[r]]
j = 6
[[r]]
[r.s]
k = 7
[[r.q]]
l = 8
[[r.q]]
l = 9
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        pytest.param(("a", "b"), "b", "1", id="a dotted key"),
        pytest.param(("a",), "a", "a", id="the table a dotted key implies"),
        pytest.param(("c d",), '"c d"', "{ e = [1, { f = 2 }], 'g' = \"x\" }", id="a quoted key and an inline table"),
        pytest.param(("c d", "e", 0), "1", "1", id="an element of a list"),
        pytest.param(("c d", "e", 1, "f"), "f", "2", id="a table in a list in a table"),
        pytest.param(("c d", "g"), "'g'", '"x"', id="a key in single quotes"),
        pytest.param(("t",), "t", "[t]", id="a table is its header"),
        pytest.param(("t", "h", 1, 1), "3", "3", id="comments are no elements"),
        pytest.param(("t", "u"), "u", '[t.u."v w"]', id="the table a header implies"),
        pytest.param(("t", "u", "v w", "i"), "i", "5", id="a key below a dotted header"),
        pytest.param(("r", 0), "r", "[[r]]", id="the first of an array of tables"),
        pytest.param(("r", 0, "j"), "j", "6", id="a key of it"),
        pytest.param(("r", 1, "s", "k"), "k", "7", id="a table within the newest element"),
        pytest.param(("r", 1, "q", 1, "l"), "l", "9", id="an array of tables within it"),
    ],
)
def test_every_key_and_value_has_its_place(path: tuple[str | int, ...], key: str, value: str):
    place, exact = places(PLACES).nearest(path)
    assert exact
    assert PLACES[slice(*place.key)] == key
    assert PLACES[slice(*place.value)] == value


def test_what_is_not_there_has_the_place_of_what_it_would_be_in():
    place, exact = places(PLACES).nearest(("r", 1, "s", "missing"))
    assert not exact
    assert PLACES[slice(*place.value)] == "[r.s]"


def test_what_is_in_nothing_has_the_place_of_the_file():
    place, exact = places(PLACES).nearest(("missing",))
    assert not exact
    assert place.key == (0, 0)


ONE_ONE = """\
[t]
a = {
  b = 1, # a line break, a comment and a last comma: TOML 1.1
}
"quoted" = 1
  c . d = 2
[[ r ]]
e = "\\e"
[[r]]
f = 5
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("t", "a"), "a = {", id="a key"),
        pytest.param(("t", "c", "d"), "c . d = 2", id="a dotted key"),
        pytest.param(("t", "quoted"), "[t]", id="a quoted key is looked for in vain, its table found"),
        pytest.param(("r", 0, "e"), 'e = "\\e"', id="a key of an array of tables"),
        pytest.param(("r", 1, "f"), "f = 5", id="a key of the next"),
        pytest.param(("r", 1, "g"), "[[r]]", id="a key that is not there"),
    ],
)
def test_where_the_grammar_is_too_old_for_the_file_only_lines_are_known(path: tuple[str | int, ...], line: str):
    tomli.loads(ONE_ONE)
    place, exact = places(ONE_ONE).nearest(path)
    assert not exact
    assert ONE_ONE[slice(*place.value)] == line
