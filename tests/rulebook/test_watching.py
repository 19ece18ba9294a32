"""Edits on a real directory, as editors and people make them: one reload each, of complete content."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.waiting import until_async
from watcher.rulebook import Contents, contents, edits, watching

OLD = '[[rule]]\nname = "a"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 50"\n'
NEW = OLD.replace("50", "60")
Action = Callable[[], object]


class _OverError(Exception):
    pass


def seen_of(path: Path, *between: Action) -> list[Contents]:
    """Return what is seen of a place on which each of `between` happens between two looks, and nothing after them."""
    waiting = [*between, *[lambda: None] * 4]

    async def pause() -> None:
        if not waiting:
            raise _OverError
        waiting.pop(0)()

    async def watch() -> list[Contents]:
        found = []
        with contextlib.suppress(_OverError):
            async for edit in edits(path, contents(path), pause):
                found.append(edit)  # noqa: PERF401 - it ends by an exception
        return found

    return asyncio.run(watch())


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(OLD)
    return path


def replace_by(path: Path, text: str, name: str = "new") -> None:
    other = path.with_name(name)
    other.write_text(text)
    other.replace(path)


def sed(path: Path, expression: str) -> None:
    subprocess.run(["sed", "-i", expression, path], check=True)


def save_like_vim(path: Path, text: str) -> None:
    """The old file becomes a copy, and a new one is written under its name."""
    path.rename(path.with_name("rules.toml~"))
    path.write_text(text)
    path.with_name("rules.toml~").unlink()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def nothing() -> None:
    pass


EDITS: dict[str, Callable[[Path], list[Action]]] = {
    "a file written in one go": lambda path: [lambda: path.write_text(NEW)],
    "sed -i": lambda path: [lambda: sed(path, "s/50/60/")],
    "a save like vim's": lambda path: [lambda: save_like_vim(path, NEW)],
    "a save like vim's, seen when nothing was there": lambda path: [
        lambda: path.rename(path.with_name("rules.toml~")),
        lambda: path.write_text(NEW),
    ],
    "an atomic rename": lambda path: [lambda: replace_by(path, NEW)],
    "an atomic rename three times": lambda path: [
        lambda: replace_by(path, OLD.replace("50", "70")),
        lambda: replace_by(path, OLD.replace("50", "80")),
        lambda: replace_by(path, NEW),
    ],
    "several saves between two looks": lambda path: [
        lambda: [path.write_text(OLD.replace("50", str(n))) for n in range(10)] and path.write_text(NEW)
    ],
    "a file written bit by bit": lambda path: [
        lambda: path.write_text(""),
        lambda: append(path, NEW[:20]),
        lambda: append(path, NEW[20:50]),
        lambda: append(path, NEW[50:]),
    ],
    "a save, and a second one before the first was seen twice": lambda path: [
        lambda: path.write_text(OLD.replace("50", "55")),
        lambda: path.write_text(NEW),
    ],
    "the same size, the same time": lambda path: [
        lambda: (path.write_text(NEW), os.utime(path, ns=(1, 1))),
    ],
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_is_seen_once_and_complete(rules: Path, edit: Callable[[Path], list[Action]]) -> None:
    assert seen_of(rules, *edit(rules)) == [Contents({str(rules): NEW.encode()})]


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_behind_a_link_is_seen_as_well(tmp_path: Path, edit: Callable[[Path], list[Action]]) -> None:
    """The directory of the link itself sees nothing of it, except where the link is replaced."""
    (tmp_path / "elsewhere").mkdir()
    rules = tmp_path / "elsewhere" / "rules.toml"
    rules.write_text(OLD)
    link = tmp_path / "link.toml"
    link.symlink_to(rules)
    assert seen_of(link, *edit(rules)) == [Contents({str(link): NEW.encode()})]


def test_a_link_that_is_swapped_as_configuration_maps_are_is_seen_once(tmp_path: Path) -> None:
    for name, text in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.toml").write_text(text)
    current, rules = tmp_path / "..data", tmp_path / "rules.toml"
    current.symlink_to("..1")
    rules.symlink_to("..data/rules.toml")

    def swap() -> None:
        (tmp_path / "..new").symlink_to("..2")
        (tmp_path / "..new").replace(current)

    assert seen_of(rules, swap) == [Contents({str(rules): NEW.encode()})]


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda path: path.write_text(OLD), id="saved as it was"),
        pytest.param(lambda path: replace_by(path, OLD), id="replaced by the same"),
        pytest.param(lambda path: path.touch(), id="touched"),
        pytest.param(lambda path: path.with_name(".rules.toml.swp").write_text("x"), id="an editor's lock beside it"),
    ],
)
def test_what_changes_nothing_is_not_seen(rules: Path, leave: Callable[[Path], object]) -> None:
    assert seen_of(rules, lambda: leave(rules)) == []


def test_there_and_back_between_looks_is_nothing(rules: Path) -> None:
    assert seen_of(rules, lambda: rules.write_text(NEW), lambda: rules.write_text(OLD)) == []


def test_two_edits_with_time_between_them_are_two(rules: Path) -> None:
    back = [lambda: rules.write_text(NEW), nothing, lambda: rules.write_text(OLD)]
    assert [list(edit.files.values()) for edit in seen_of(rules, *back)] == [[NEW.encode()], [OLD.encode()]]


def test_files_come_and_go_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(OLD)
    b = tmp_path / "b.toml"
    found = seen_of(tmp_path, lambda: b.write_text("#"), nothing, lambda: replace_by(b, "##"), nothing, b.unlink)
    assert [sorted(edit.files.values()) for edit in found] == [
        [b"#", OLD.encode()],
        [b"##", OLD.encode()],
        [OLD.encode()],
    ]


def test_a_file_that_is_gone_for_good_is_said_once(rules: Path) -> None:
    (gone,) = seen_of(rules, rules.unlink, nothing, nothing)
    assert gone.files == {}
    assert [problem.message for problem in gone.unreadable] == ["cannot be read: no such file or directory"]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda path: sed(path, "s/50/60/"), id="sed -i"),
        pytest.param(lambda path: (path.write_text(NEW), os.utime(path, ns=(1, 1))), id="the same size, an old time"),
    ],
)
def test_an_edit_after_a_long_rest_is_seen(
    rules: Path, edit: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then the files are not read any more at each look."""
    monkeypatch.setattr(watching, "EVERY", 0.002)

    async def watch() -> Contents:
        seen = contents(rules)
        edited = asyncio.get_running_loop().call_later(0.5, edit, rules)
        async with asyncio.timeout(20):
            async for found in edits(rules, seen, partial(asyncio.sleep, 0.002)):
                assert edited.when() <= asyncio.get_running_loop().time()
                return found
        raise AssertionError

    assert asyncio.run(watch()) == Contents({str(rules): NEW.encode()})


def test_watching_in_real_time_sees_sed_and_ends_when_it_is_cancelled(rules: Path) -> None:
    async def watch() -> list[Contents]:
        found: list[Contents] = []
        seen = contents(rules)

        async def note() -> None:
            async for edit in edits(rules, seen, partial(asyncio.sleep, 0.02)):
                found.append(edit)  # noqa: PERF401 - it never ends by itself

        noting = asyncio.create_task(note())
        await asyncio.to_thread(sed, rules, "s/50/60/")
        await until_async(lambda: found)
        noting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await noting
        return found

    assert asyncio.run(watch()) == [Contents({str(rules): NEW.encode()})]
