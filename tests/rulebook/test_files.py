"""Files and directories as they come: missing, unreadable, in other encodings, too large, built to do harm."""

import os
import time
from pathlib import Path

import pytest

from watcher.rulebook import load, read
from watcher.rulebook.problem import Problem, printed

RULE = '[[rule]]\nname = "a"\nsymbols = ["HK.00700"]\nwhen = "short_ratio > 15"\n'


def only_problem(content: bytes) -> Problem:
    loaded = read({"rules.toml": content})
    assert loaded.book is None
    (problem,) = loaded.problems
    return problem


def shown(problems: tuple[Problem, ...]) -> list[str]:
    return [printed(problem).split("\n")[0] for problem in problems]


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path):
    loaded = load(tmp_path / "rules.toml")
    assert loaded.book is None
    assert shown(loaded.problems) == [
        f"{tmp_path}/rules.toml:1:1: error: cannot be read: no such file or directory (`watcher init` writes one)"
    ]


def test_a_name_no_file_can_have_is_one_problem():
    (problem,) = load(Path("x" * 5000)).problems
    assert problem.message == "cannot be read: file name too long"


def test_a_directory_without_rules_is_one_problem(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".#rules.toml").write_text("x")
    loaded = load(tmp_path)
    assert loaded.book is None
    assert shown(loaded.problems) == [f"{tmp_path}:1:1: error: no *.toml in this directory (`watcher init` writes one)"]


def test_what_cannot_be_read_is_named_and_the_others_are_checked(tmp_path: Path):
    """A directory, a broken link and a pipe that nobody writes to are no files."""
    (tmp_path / "a.toml").mkdir()
    (tmp_path / "b.toml").symlink_to("gone")
    os.mkfifo(tmp_path / "c.toml")
    (tmp_path / "d.toml").write_text(RULE.replace('"HK.00700"', '"in-c", "HK.5O"'))
    loaded = load(tmp_path)
    assert loaded.book is None
    assert [line.removeprefix(f"{tmp_path}/") for line in shown(loaded.problems)] == [
        "a.toml:1:1: error: cannot be read: not a regular file",
        "b.toml:1:1: error: cannot be read: no such file or directory (`watcher init` writes one)",
        "c.toml:1:1: error: cannot be read: not a regular file",
        "d.toml:3:21: error: 'HK.5O' is not a symbol of HK: its code is five digits, HK.00700",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + RULE.encode(), id="with a byte order mark"),
        pytest.param(RULE.replace("\n", "\r\n").encode(), id="with carriage returns"),
        pytest.param(RULE.removesuffix("\n").encode(), id="without a line feed at its end"),
    ],
)
def test_what_editors_do_to_files_does_no_harm(content: bytes):
    loaded = read({"rules.toml": content})
    assert loaded.problems == ()
    assert loaded.book is not None
    assert [rule.name for rule in loaded.book.rules] == ["a"]


@pytest.mark.parametrize("prefix", [pytest.param(b"\xef\xbb\xbf", id="mark"), pytest.param(b"", id="no mark")])
def test_marks_and_carriage_returns_are_not_counted(prefix: bytes):
    text = '# 1\r\nx = 1\r\n[[rule]]\r\nname = "a"\r\nsymbols = ["HK.7"]\r\nwhen = """\r\nshort_ratoi > 1"""\r\n'
    problems = read({"f": prefix + text.encode()}).problems
    assert [(problem.line, problem.column) for problem in problems] == [(2, 1), (5, 13), (7, 1)]
    assert [problem.source for problem in problems] == ["x = 1", 'symbols = ["HK.7"]', 'short_ratoi > 1"""']


def test_a_byte_that_is_not_utf_8_is_shown_where_it_stands():
    problem = only_problem("# 香港\n".encode() + "[lists]\nhk = [] # café\n".encode("latin-1"))
    assert printed(problem) == (
        "rules.toml:3:14: error: byte 0xe9 is not UTF-8 (save the file as UTF-8)\n"
        "    3 | hk = [] # caf�\n"
        "      |              ^\n"
    )


def test_utf_16_is_not_utf_8():
    assert printed(only_problem(RULE.encode("utf-16"))).startswith("rules.toml:1:1: error: byte 0xff is not UTF-8")


def test_a_file_of_256_kib_is_read_and_a_larger_one_refused(tmp_path: Path):
    file = tmp_path / "rules.toml"
    file.write_bytes(RULE.encode().ljust(256 * 1024, b"\n"))
    assert load(file).problems == ()
    file.write_bytes(RULE.encode().ljust(256 * 1024 + 1, b"\n"))
    assert shown(load(file).problems) == [
        f"{file}:1:1: error: larger than 256 KiB (a rules file is a few kilobytes: is it the right one?)"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("x = " + "[" * 100_000, "more than 50 brackets within brackets", id="lists in lists"),
        pytest.param("x = " + "{a=" * 80_000, "more than 50 brackets within brackets", id="tables in tables"),
        pytest.param("a." * 20_000 + "a = 1", "more than 50 parts of a key", id="a dotted key of 40 KB"),
        pytest.param("[" + "a . " * 20_000 + "a]", "more than 50 parts of a key", id="a dotted header"),
        pytest.param("x = {" + '"a".' * 20_000 + "a = 1}", "more than 50 parts of a key", id="a quoted dotted key"),
        pytest.param("x = " + "9" * 250_000, "longer than 300 characters", id="a number of 250,000 digits"),
        pytest.param("x" * 250_000, "longer than 300 characters", id="a key of 250,000 characters"),
        pytest.param('x = "' + '\\"' * 130_000, "this text has no end", id="a string of escaped quotes"),
        pytest.param('x = """' + '""\\' * 80_000, "this backslash means nothing", id="a string of nearly its end"),
        pytest.param("x = '''" + "''\n" * 80_000, "this text has no end", id="a literal of nearly its end"),
        pytest.param("[[rule]]\n" * 29_000, "more than 20,000 keys and values", id="a rule and a rule and a rule"),
        pytest.param("x = [" + '"x",' * 60_000, "more than 20,000 keys and values", id="a list without an end"),
        pytest.param("[t]\n" * 60_000, "more than 20,000 keys and values", id="tables"),
        pytest.param("x" * 1024 * 1024, "larger than 256 KiB", id="a mebibyte"),
        pytest.param("#" * 250_000 + "\nx", "expected = after the key", id="a long comment"),
    ],
)
def test_a_bomb_is_refused_quickly(content: str, message: str):
    """Two tenths of a second are asked for; a busy machine is given five times that."""
    start = time.perf_counter()
    problem = only_problem(content.encode())
    assert problem.message == message
    assert time.perf_counter() - start < 1


def test_brackets_and_dots_in_texts_and_comments_are_no_bombs():
    text = RULE + f"# {'[' * 99} {'a.' * 99}\n"
    text += 'message = """' + "[" * 99 + "a." * 99 + '"""\n'
    assert read({"f": text.encode()}).problems == ()


def test_names_of_a_directory_go_together(tmp_path: Path):
    (tmp_path / "lists.toml").write_text('[lists]\nhk = ["HK.00700"]\n[channels.desk]\n')
    (tmp_path / "b.toml").write_text(RULE.replace('"HK.00700"', '"hk"'))
    (tmp_path / "a.toml").write_text('[defaults]\nnotify = ["desk"]\n')
    (tmp_path / "not-read.json").write_text("{}")
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.book is not None
    assert [(rule.name, rule.symbols, rule.notify) for rule in loaded.book.rules] == [("a", ("HK.00700",), ("desk",))]


def test_names_stand_once_in_a_directory(tmp_path: Path):
    whole = (
        '[defaults]\nseverity = "info"\n[operator]\nnotify = ["console"]\n[lists]\nhk = ["HK.00700"]\n[channels.desk]\n'
    )
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(whole + RULE + 'notify = ["desk"]\n')
    loaded = load(tmp_path)
    assert loaded.book is None
    assert [line.replace(f"{tmp_path}/", "") for line in shown(loaded.problems) if "error" in line] == [
        "b.toml:1:1: error: there is a [defaults] already, at a.toml:1 (in one file only)",
        "b.toml:3:1: error: there is an [operator] already, at a.toml:3 (in one file only)",
        "b.toml:6:1: error: there is a list 'hk' already, at a.toml:6 (every name once)",
        "b.toml:7:11: error: there is a channel 'desk' already, at a.toml:7 (every name once)",
        "b.toml:9:9: error: there is a rule 'a' already, at a.toml:9 (every name once)",
    ]


def test_names_that_may_be_in_a_broken_file_are_not_said_to_be_unknown(tmp_path: Path):
    (tmp_path / "a.toml").write_text("[lists\n")
    (tmp_path / "b.toml").write_text(RULE.replace('"HK.00700"', '"hk"') + 'notify = ["desk"]\n')
    assert [line.replace(f"{tmp_path}/", "") for line in shown(load(tmp_path).problems)] == [
        "a.toml:1:7: error: expected ] at the end of the header"
    ]


def test_only_where_no_file_has_a_rule_it_is_said_that_there_is_none():
    files = {"a.toml": b"", "b.toml": b"# nothing"}
    assert shown(read(files).problems) == ["a.toml:1:1: warning: there is no rule here (`watcher init` writes some)"]
    assert read(files | {"c.toml": RULE.encode()}).problems == ()


def test_the_digest_is_of_contents_whatever_the_files_are_called():
    first, second = read({"a": RULE.encode()}).book, read({"b": RULE.encode()}).book
    other, split = read({"a": RULE.encode() + b"\n"}).book, read({"a": b"", "b": RULE.encode()}).book
    assert first
    assert second
    assert other
    assert split
    assert first.digest == second.digest
    assert len({first.digest, other.digest, split.digest}) == 3
