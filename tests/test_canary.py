"""The ear that listens for secrets hears them: a test that cannot fail would be worse than none."""

import logging

import pytest

from tests.canary import CANARY, Ear, written


def test_a_secret_is_heard_in_a_line_at_debug_and_in_its_traceback() -> None:
    ear, logger = Ear(), logging.getLogger("watcher.elsewhere")
    ear.handle(logger.makeRecord(logger.name, logging.DEBUG, "here", 1, "asked with %s", (f"Bearer {CANARY}",), None))
    error = ValueError(CANARY)
    ear.handle(logger.makeRecord(logger.name, logging.ERROR, "here", 1, "failed", (), (ValueError, error, None)))
    ear.handle(logger.makeRecord(logger.name, logging.ERROR, "here", 1, "nothing to hear", (), None))
    assert len(ear.heard) == 2


def test_a_secret_is_found_in_what_is_printed_and_in_a_file_but_not_where_the_test_put_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("listened-to-by-hand")
    (directory / "credentials").mkdir()
    (directory / "credentials" / "token").write_text(CANARY)
    assert list(written("", directory)) == []
    (directory / "watcher.db").write_bytes(b"\0" + CANARY.encode())
    assert list(written(CANARY, directory)) == ["what was printed", str(directory / "watcher.db")]
    assert list(written("", None)) == []
