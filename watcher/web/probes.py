"""What programs ask: is it alive, is all well, the telemetry, the status; in text and JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from watcher.core.health import Reason
from watcher.errors import StoreError
from watcher.web.telemetry import Snapshot, exposition

_FRESH = {"Cache-Control": "no-store"}


def probes(
    reasons: Callable[[], Sequence[Reason]],
    stuck: Callable[[], Sequence[str]],
    snapshot: Callable[[bool], Awaitable[Snapshot]],
    status: Callable[[], Awaitable[Mapping[str, object]]],
) -> tuple[Route, ...]:
    """Return the routes /healthz, /readyz, /metrics and /api/status.

    Args:
        reasons: Why not all is well; nothing where all is.
        stuck: Parts that a restart would mend; nothing while all move.
        snapshot: The telemetry, with every symbol if asked so.
        status: What `watcher status --json` prints; raises StoreError where the store cannot be read.
    """
    one_at_a_time = asyncio.Lock()

    async def healthz(_: Request) -> Response:
        still = stuck()
        text = "\n".join(f"{part} stands still" for part in still) or "alive"
        return PlainTextResponse(f"{text}\n", 503 if still else 200, _FRESH)

    async def readyz(_: Request) -> Response:
        found = reasons()
        text = "\n".join(str(reason) for reason in found) or "ready"
        return PlainTextResponse(f"{text}\n", 503 if found else 200, _FRESH)

    async def metrics(request: Request) -> Response:
        # together, any number of them would cost as much as they like
        async with one_at_a_time:
            taken = await snapshot(request.query_params.get("symbols") == "1")
            shown = await asyncio.to_thread(exposition, taken, request.headers.get("accept", ""))
        return Response(shown.body, headers={**_FRESH, "Content-Type": shown.content_type})

    async def api_status(_: Request) -> Response:
        try:
            async with one_at_a_time:
                found = await status()
        except StoreError as error:
            return _json({"error": str(error)}, 503)
        return _json(found, 200)

    return (
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/api/status", api_status),
    )


def _json(value: Mapping[str, object], status: int) -> Response:
    text = json.dumps(value, indent=1, default=_text, ensure_ascii=False)
    return Response(f"{text}\n", status, _FRESH, media_type="application/json")


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
