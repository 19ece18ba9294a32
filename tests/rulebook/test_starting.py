"""The last good rules: kept in one step, used while the present ones have errors, and never where they are damaged."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from watcher.errors import ConfigurationError
from watcher.rulebook import keep_good, last_good, load, read, refusal, start

GOOD = '[[rule]]\nname = "a"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 50"\n'
BROKEN = GOOD.replace("short_percent", "short_precent")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(0o700)
    return path


def test_good_rules_are_the_ones_to_start_by(rules: Path, state: Path) -> None:
    begun = start(rules, state)
    assert (begun.last_good, begun.problems, begun.files) == (False, (), {str(rules): GOOD.encode()})
    assert begun.seen.files == begun.files


def test_broken_ones_with_no_copy_are_refused_with_all_their_problems(rules: Path, state: Path) -> None:
    rules.write_text(BROKEN + "untill = 1\n")
    with pytest.raises(ConfigurationError) as refused:
        start(rules, state)
    assert f"{rules}:4:9: error: unknown metric 'short_precent'" in str(refused.value)
    assert f"{rules}:5:1: error: unknown key 'untill'" in str(refused.value)


def test_what_cannot_be_run_by_gives_way_to_the_last_good_ones_too(rules: Path, state: Path) -> None:
    """A channel whose URL is not set, say: a restart is no reason for silence."""
    keep_good(state, load(rules).files)
    rules.write_text(GOOD.replace('"a"', '"b"'))
    begun = start(rules, state, lambda book: "it has no URL" if "b" in book.by_name else None)
    assert (begun.last_good, begun.lacks, [*begun.book.by_name]) == (True, "it has no URL", ["a"])
    with pytest.raises(ConfigurationError, match=r"^it has no URL$"):
        start(rules, state, lambda _: "it has no URL")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_text(BROKEN), id="a bad edit"),
        pytest.param(lambda path: path.unlink(), id="the file is gone"),
        pytest.param(lambda path: path.write_text("[[rule"), id="half a file"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), id="no text"),
    ],
)
def test_whatever_happened_to_the_present_ones_the_last_good_ones_run(rules: Path, state: Path, spoil) -> None:
    good = load(rules)
    keep_good(state, good.files)
    spoil(rules)
    begun = start(rules, state)
    assert begun.last_good
    assert begun.book == good.book
    assert begun.problems
    assert begun.problems[0].file == str(rules)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to others")
def test_what_root_keeps_belongs_to_whom_the_state_belongs(rules: Path, state: Path) -> None:
    os.chown(state, 4711, 4712)
    keep_good(state, load(rules).files)
    made = list((state / "rules.good").rglob("*"))
    assert len(made) == 3
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (state / "rules.good", *made)} == {(4711, 4712)}


def test_the_copy_has_the_digest_of_what_it_was_taken_from(tmp_path: Path, state: Path) -> None:
    """So that the store sees the same book, and takes nothing up anew."""
    directory = tmp_path / "rules.d"
    directory.mkdir()
    (directory / "b.toml").write_text(GOOD)
    (directory / "a.toml").write_text('[lists]\nx = ["US.A"]\n')
    book = load(directory)
    keep_good(state, book.files)
    kept = last_good(state)
    assert kept is not None
    assert read(kept).book == book.book


def test_a_newer_copy_takes_the_place_of_the_older(rules: Path, state: Path) -> None:
    keep_good(state, {str(rules): GOOD.encode()})
    keep_good(state, {str(rules): GOOD.encode()})
    newer = GOOD.replace("50", "60").encode()
    keep_good(state, {str(rules): newer})
    kept = last_good(state)
    assert kept is not None
    assert list(kept.values()) == [newer]
    assert len(list((state / "rules.good").iterdir())) == 2


def test_a_file_of_any_name_is_kept(state: Path) -> None:
    keep_good(state, {"/etc/watcher/.rules": GOOD.encode()})
    kept = last_good(state)
    assert kept is not None
    assert read(kept).book is not None


def test_a_copy_that_is_damaged_is_none(rules: Path, state: Path) -> None:
    keep_good(state, load(rules).files)
    (state / "rules.good" / "current" / "rules.toml").write_text(GOOD.replace("50", "5"))
    assert last_good(state) is None
    rules.write_text(BROKEN)
    with pytest.raises(ConfigurationError):
        start(rules, state)
    rules.write_text(GOOD)
    keep_good(state, load(rules).files)
    assert last_good(state) is not None


def test_only_the_owner_may_read_it_whatever_the_umask(rules: Path, state: Path) -> None:
    before = os.umask(0)
    try:
        keep_good(state, load(rules).files)
    finally:
        os.umask(before)
    (copy,) = (state / "rules.good" / "current").resolve().iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(copy.parent.parent.stat().st_mode) == 0o700


KEEP_FOR_EVER = """
import sys
from pathlib import Path
from watcher.rulebook import keep_good
good = Path(sys.argv[2]).read_bytes()
print("begun", flush=True)
for n in range(10**9):
    keep_good(Path(sys.argv[1]), {"rules.toml": good + b"# %d\\n" % n})
"""


def test_killed_at_any_moment_there_is_a_whole_copy(rules: Path, state: Path) -> None:
    keep_good(state, load(rules).files)
    for _ in range(8):
        keeping = subprocess.Popen(
            [sys.executable, "-c", KEEP_FOR_EVER, state, rules], stdout=subprocess.PIPE, text=True
        )
        assert keeping.stdout is not None
        keeping.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            keeping.wait(0.05)
        keeping.kill()
        keeping.wait()
        keeping.stdout.close()
        kept = last_good(state)
        assert kept is not None
        assert read(kept).book is not None


def test_the_operator_is_told_the_first_place_how_many_more_and_what_goes_on(tmp_path: Path) -> None:
    problems = read({"rules.toml": (BROKEN + "untill = 1\n").encode()}).problems
    assert refusal(problems, tmp_path) == (
        f"the rules have errors, the last good ones stay in force, a copy is in {tmp_path}/rules.good: "
        "rules.toml:4:9: error: unknown metric 'short_precent' (did you mean 'short_percent'?), and 1 more. "
        "See `watcher check`."
    )
