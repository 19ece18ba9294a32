"""Page: serves the site inside the daemon; where that fails, the alerts go on without it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from watcher.daemon.measures import Measures
from watcher.daemon.pulse import Pulse
from watcher.daemon.turns import Turns
from watcher.errors import StoreError
from watcher.jobs.notices import announce_recovery, announce_trouble, open_trouble
from watcher.serving import served
from watcher.settings import Address
from watcher.wiring import Live

_TOPIC = "page"
"""Of the operator's notice that the page is not served."""
_MOST = 64
"""Connections at once: people, and whoever collects metrics."""
_PATIENCE = 30.0
"""Seconds for a request and its answer; who holds a connection for nothing keeps others out only for so long."""

log = structlog.get_logger()


@asynccontextmanager
async def page(live: Live, turns: Turns, pulse: Pulse) -> AsyncIterator[None]:
    """Serve the page, if it is to be, until the end of the block; say so loudly if it cannot be."""
    address = live.settings.web.address
    async with AsyncExitStack() as stack:
        if address is not None:
            pulse.page, pulse.page_fault = await _served(stack, live, turns, pulse, address)
            await _tell(live, pulse.page_fault)
        yield


async def _served(
    stack: AsyncExitStack, live: Live, turns: Turns, pulse: Pulse, address: Address
) -> tuple[str | None, str | None]:
    """Return where the page is, or else why it is nowhere."""
    from watcher.standing import standing
    from watcher.viewing import pages
    from watcher.web.access import LOOPBACK
    from watcher.web.probes import probes
    from watcher.web.site import site

    async def status() -> dict[str, object]:
        now = live.clock.now()
        return await asyncio.to_thread(standing, live.settings, pulse.noted(), pulse.reasons(), now)

    token = live.settings.web.token
    host = f"[{address.host}]" if ":" in address.host else address.host
    app = site(
        pages(live),
        probes(pulse.reasons, pulse.stuck, Measures(live, turns, pulse).snapshot, status),
        token=token.get_secret_value().strip() if token else None,
        # beyond this machine it is the token that keeps others out, and nobody knows by which names it is called
        hosts={*LOOPBACK, host} if address.loopback else None,
    )
    try:
        url = await stack.enter_async_context(served(app, address.host, address.port, most=_MOST, patience=_PATIENCE))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else "nobody can listen there"
        fault = f"the page is not served at {address}: {why}"
        log.error("page not served", listen=str(address), reason=why)  # noqa: TRY400 - the reason says it all
        return None, fault
    log.info("page served", url=url)
    return url, None


async def _tell(live: Live, fault: str | None) -> None:
    """Have the operator told that there is no page, and that there is one again."""

    def announce() -> None:
        now = live.clock.now()
        with live.store.read() as tx:
            known = open_trouble(tx, _TOPIC) is not None
        if known == (fault is not None):
            return
        with live.store.write() as tx:
            if fault is not None:
                announce_trouble(tx, live.book, _TOPIC, f"{fault}; alerts go on", now)
            else:
                announce_recovery(tx, live.book, _TOPIC, "the page is served again", now)

    try:
        await live.writer(announce)
    except StoreError as error:  # its own trouble is told by those who look at the store
        log.warning("operator not told of the page", reason=str(error))
