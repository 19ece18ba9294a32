"""The token is shown to upstream and to nobody else; its file is read again when upstream no longer takes it."""

import asyncio
from pathlib import Path
from time import perf_counter

import pytest

from tests.canary import CANARY
from tests.upstream.answers import NOW, US, refusal
from tests.upstream.servers import Raw, http, us_body
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.errors import ConfigurationError
from watcher.upstream.auth import Access
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate

DENIED = http(b"", "401 Unauthorized")
WELL = http(us_body())


def asked(access: Access, *replies: bytes, times: int = 1, together: bool = False) -> tuple[list[Answer], list[str]]:
    """Return the answers, and the tokens upstream was shown."""

    async def ask() -> tuple[list[Answer], list[str]]:
        pacing = Pacing(Rate(1000, 0.001), perf_counter)
        async with (
            Raw(*replies).running() as server,
            Client(server.url, access=access, pacing=pacing, now=lambda: NOW) as client,
        ):
            if together:
                answers = await asyncio.gather(*(client.ask(US, 30) for _ in range(times)))
            else:
                answers = [await client.ask(US, 30) for _ in range(times)]
            shown = [head.lower().partition("authorization: bearer ")[2].split("\r\n")[0] for head in server.requests]
            return answers, shown

    return asyncio.run(ask())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


def test_a_token_that_is_given_goes_before_its_file(file: Path) -> None:
    access = Access("given", file)
    assert access.token == "given"
    assert not access.renewed("given")


@pytest.mark.parametrize(
    "denied", [pytest.param(DENIED, id="401"), pytest.param(http(refusal(-9, "permission_denied")), id="-9 under 200")]
)
def test_the_file_is_read_again_when_upstream_denies(file: Path, denied: bytes) -> None:
    access = Access(file=file)
    file.write_text("second")
    answers, shown = asked(access, denied, WELL, times=2)
    assert all(isinstance(answer, Answered) for answer in answers)
    assert shown == ["first", "second", "second"]


def test_once_then_the_outcome_is_denied(file: Path) -> None:
    access = Access(file=file)
    file.write_text("second")
    (answer,), shown = asked(access, DENIED)
    assert isinstance(answer, Refused)
    assert (answer.state, answer.retry) == (DataState.DENIED, False)
    assert shown == ["first", "second"]


def test_a_file_that_is_as_it_was_costs_no_second_request(file: Path) -> None:
    (answer,), shown = asked(Access(file=file), DENIED)
    assert isinstance(answer, Refused)
    assert answer.state is DataState.DENIED
    assert shown == ["first"]


@pytest.mark.parametrize("token", [None, "given"])
def test_without_a_file_there_is_nothing_to_read(token: str | None) -> None:
    (answer,), shown = asked(Access(token), DENIED)
    assert isinstance(answer, Refused)
    assert len(shown) == 1


def test_who_was_denied_while_another_renewed_it_shows_the_new_one(file: Path) -> None:
    access = Access(file=file)
    file.write_text("second")
    assert access.renewed("first")
    file.write_text("third")
    assert access.renewed("first")
    assert access.token == "second"


def test_many_denied_at_once_all_come_through(file: Path) -> None:
    access = Access(file=file)
    file.write_text("second")
    answers, shown = asked(access, *[DENIED] * 8, WELL, times=8, together=True)
    assert all(isinstance(answer, Answered) for answer in answers)
    assert sorted(shown) == ["first"] * 8 + ["second"] * 8


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="gone"),
        pytest.param(b"", "holds no token: it is empty", id="empty"),
        pytest.param(b"canary-7f3a9c x", "a character that no token has", id="two words"),
        pytest.param("canary-7f3a9cé".encode(), "a character that no token has", id="beyond ASCII"),
        pytest.param(b"canary-7f3a9c\xff", "not UTF-8 text", id="no text"),
    ],
)
def test_a_file_that_holds_no_token_is_said_and_none_of_it_quoted(
    file: Path, content: bytes | None, cause: str
) -> None:
    access = Access(file=file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as at_the_start:
        Access(file=file)
    assert cause in str(at_the_start.value)
    (answer,), shown = asked(access, DENIED)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("US.AAPL: upstream denies permission")
    assert cause in answer.reason
    assert shown == ["first"]
    assert "canary" not in answer.reason + str(at_the_start.value)


def test_a_token_with_a_line_break_is_none() -> None:
    with pytest.raises(ConfigurationError, match="a character that no token has"):
        Access(f"{CANARY}\nx")


def test_the_token_before_is_masked_too(file: Path) -> None:
    access = Access(file=file)
    file.write_text("second")
    assert access.renewed("first")
    assert access.masked("first or second") == "*** or ***"
    assert access.masked_bytes(b"first or second") == b"*** or ***"
