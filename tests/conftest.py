"""What tests of several packages need: an open store, and a moment; and an ear for secrets that leak, in all tests."""

import logging
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from tests.canary import Ear, written
from watcher.store.store import Store

logging.getLogger("mail.log").setLevel(logging.WARNING)  # the mail server of tests tells every line it is sent
hypothesis.settings.register_profile("long", max_examples=10_000)  # `scripts/test --long`
_EAR = Ear()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open_for_writing(tmp_path / "state", "a test", NOW)
    yield opened
    opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in which a secret was logged, at whatever level, printed, or written to a file."""
    report = yield
    if report.when == "call" and report.passed:
        printed = "".join(text for name, text in report.sections if name.startswith("Captured std"))
        directory = getattr(item, "funcargs", {}).get("tmp_path")
        if places := [*_EAR.heard, *written(printed, directory)]:
            report.outcome = "failed"
            report.longrepr = "a secret came to light: " + ", ".join(places)
    return report


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    _EAR.heard.clear()
    logging.getLogger().addHandler(_EAR)
    yield
    logging.getLogger().removeHandler(_EAR)
