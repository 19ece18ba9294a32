"""Deliver: drain the outbox, channel by channel; a channel that is slow or down delays no other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.core.book import ChannelPolicy, RuleBook
from watcher.core.composition import Hush, compose, quiet
from watcher.core.notification import Claim, Entry, Message
from watcher.core.outbox import Delivery, Failed, Outcome, Unknown, after
from watcher.errors import StateDamaged, StoreError
from watcher.jobs.pass_on import tell_others
from watcher.jobs.ports import Channel, Clock, Store, Transaction, Writer

STORE_AGAIN = 1.0
"""Seconds until it is tried again to store an outcome."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send a message, and what became of it."""

    claim: Claim
    outcome: Outcome
    deliveries: tuple[Delivery, ...]
    """Of the notifications in the message, after it."""


async def deliver(
    store: Store,
    channels: Mapping[str, Channel],
    book: Callable[[], RuleBook],
    writer: Writer,
    clock: Clock,
    jitter: Callable[[], float],
) -> tuple[Attempt, ...]:
    """Send what is due, each channel on its own, and what others are to know of that; return the attempts.

    Raises:
        StoreError: what became of a message could not be stored; it will be sent again.
    """

    def due() -> tuple[str, ...]:
        with store.read() as tx:
            return tuple(tx.outbox.due_channels(clock.now()))

    async def drained(name: str) -> list[Attempt]:
        return [each async for each in drain(name, store, channels.get(name), book, writer, clock, jitter)]

    attempts: list[Attempt] = []
    while names := await writer(due):
        async with asyncio.TaskGroup() as tasks:
            draining = [tasks.create_task(drained(name)) for name in names]
        attempts += [attempt for task in draining for attempt in task.result()]
    return tuple(attempts)


async def drain(
    name: str,
    store: Store,
    channel: Channel | None,
    book: Callable[[], RuleBook],
    writer: Writer,
    clock: Clock,
    jitter: Callable[[], float],
    *,
    patient: bool = False,
) -> AsyncIterator[Attempt]:
    """Send all that is due for one channel, message by message, and yield each attempt once its outcome is stored.

    While the disk is full, a message is sent all the same, and the next has to wait until what became of it is stored;
    with `patient` that is tried for as long as it takes.
    """
    while (claim := await writer(lambda: _claimed(store, book(), name, clock.now()))) is not None:
        outcome = await _sent(name, channel, claim.message)
        attempt = Attempt(claim, outcome, after(claim.deliveries, outcome, clock.now(), jitter()))
        while True:
            try:
                await writer(lambda attempt=attempt: _settle(store, book(), attempt, clock.now()))  # type: ignore[misc]  # a lambda with a default
            except StateDamaged:
                raise
            except StoreError:
                if not patient:
                    raise
                await asyncio.sleep(STORE_AGAIN)
            else:
                break
        yield attempt


async def _sent(name: str, channel: Channel | None, message: Message) -> Outcome:
    if channel is None:
        return Failed(f"there is no channel {name!r} any more", permanent=True)
    try:
        return await channel.send(message)
    except Exception as error:  # noqa: BLE001 - a fault of ours: it must not leave the message claimed for ever
        return Unknown(f"unexpected {type(error).__name__}")


def _claimed(store: Store, book: RuleBook, channel: str, now: datetime) -> Claim | None:
    try:
        with store.write() as tx:
            claim, kept_back = _next(tx, book, channel, now)
            tx.outbox.put(kept_back)
            if claim is not None:
                tx.outbox.claim(claim, store.holder)
            return claim
    except StateDamaged:
        raise
    except StoreError:  # a full disk: nothing new can be recorded, but what is pending is told
        with store.read() as tx:
            claim, _ = _next(tx, book, channel, now)
        if claim is not None:
            store.unclaimed.add(claim.message.id, [each.id for each in claim.message.notifications])
        return claim


def _next(tx: Transaction, book: RuleBook, channel: str, now: datetime) -> tuple[Claim | None, list[Entry]]:
    """Return the next message of a channel, and what is kept back as it is from now on.

    What is to be repeated goes first, each message as it was; then all that is new, and all that was refused for
    certain, as one message.
    """
    policy = book.channels.get(channel, ChannelPolicy(channel))
    kept_back: list[Entry] = []
    for repeated in tx.outbox.begun(channel, now):
        hold = quiet([entry.notification for entry in repeated], policy, now)
        if hold is None:
            return Claim.of(repeated), kept_back
        kept_back += [replace(each, delivery=replace(each.delivery, held=hold[0], due=hold[1])) for each in repeated]
    waiting = tx.outbox.waiting(channel)
    if not any(entry.delivery.is_due(now) for entry in waiting):
        return None, kept_back
    hush = Hush.of(tx.silences.all(ending_after=now), tx.silences.acks(), book)
    composed = compose(waiting, policy, hush, now)
    kept_back += [*composed.held, *composed.dropped]
    return Claim.of(composed.told) if composed.told else None, kept_back


def _settle(store: Store, book: RuleBook, attempt: Attempt, now: datetime) -> None:
    with store.write() as tx:
        tx.outbox.settle(attempt.claim, attempt.outcome, attempt.deliveries, now)
        tell_others(tx, book, attempt.claim.message, attempt.outcome, attempt.deliveries, now)
    store.unclaimed.remove(attempt.claim.message.id)
