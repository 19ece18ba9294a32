"""Deliver: drain the outbox, channel by channel; a channel that is slow or down delays no other."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from watcher.core.notification import Claim, Message
from watcher.core.outbox import Delivery, Failed, Outcome, Unknown, after
from watcher.jobs.ports import Channel, Clock, Store, Writer


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send a message, and what became of it."""

    claim: Claim
    outcome: Outcome
    delivery: Delivery


async def deliver(
    store: Store, channels: Mapping[str, Channel], writer: Writer, clock: Clock, jitter: Callable[[], float]
) -> tuple[Attempt, ...]:
    """Send what is due, each channel on its own, and settle; return the attempts."""

    def due() -> tuple[str, ...]:
        with store.read() as tx:
            return tuple(tx.outbox.due_channels(clock.now()))

    async with asyncio.TaskGroup() as tasks:
        draining = [
            tasks.create_task(drain(name, store, channels.get(name), writer, clock, jitter))
            for name in await writer(due)
        ]
    return tuple(attempt for task in draining for attempt in task.result())


async def drain(
    name: str, store: Store, channel: Channel | None, writer: Writer, clock: Clock, jitter: Callable[[], float]
) -> list[Attempt]:
    """Send all that is due for one channel, message by message."""

    def claim() -> Claim | None:
        with store.write() as tx:
            return tx.outbox.claim(name, clock.now(), store.holder)

    attempts: list[Attempt] = []
    while (claimed := await writer(claim)) is not None:
        if channel is None:
            outcome: Outcome = Failed(f"there is no channel {name!r} any more", permanent=True)
        else:
            outcome = await _sent(channel, claimed.message)
        attempt = Attempt(claimed, outcome, after(claimed.delivery, outcome, clock.now(), jitter()))
        await writer(lambda attempt=attempt: _settle(store, attempt))  # type: ignore[misc]  # a lambda with a default
        attempts.append(attempt)
    return attempts


async def _sent(channel: Channel, message: Message) -> Outcome:
    try:
        return await channel.send(message)
    except Exception as error:  # noqa: BLE001 - a fault of ours: it must not leave the message claimed for ever
        return Unknown(f"unexpected {type(error).__name__}")


def _settle(store: Store, attempt: Attempt) -> None:
    with store.write() as tx:
        tx.outbox.settle(attempt.claim.message, attempt.delivery)
