"""The groups of settings: upstream, markets, schedule, the page, the heartbeat."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, model_validator

from watcher.settings.parsed import Address, Dates, Duration, Durations, address


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class UpstreamSettings(_Section):
    """Where upstream is and how it is asked."""

    url: str | None = None
    path: str = "/v1/quote/{symbol}/short-selling/daily-short-volume"
    token: SecretStr | None = None
    token_file: Path | None = None
    rate: str = "30/30s"
    timeout: Duration = timedelta(seconds=10)
    proxy: SecretStr | None = None
    ca_file: Path | None = None


class MarketSettings(_Section):
    """When a market's rows are to be expected."""

    ready_after: Duration
    closed: Dates = ()


class MarketsSettings(_Section):
    """Both markets."""

    hk: MarketSettings = MarketSettings(ready_after=timedelta(minutes=30))
    us: MarketSettings = MarketSettings(ready_after=timedelta(hours=2))


class ScheduleSettings(_Section):
    """When what is not there yet is asked for again, and what overrides the calendar."""

    every: Duration | None = None
    probe_gaps: Durations = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60))
    straggler_gaps: Durations = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 120, 240, 480))


def _an_address(text: str) -> str:
    address(text.strip())
    return text.strip()


class WebSettings(_Section):
    """Where the page listens, and the token it asks for."""

    listen: Annotated[str, AfterValidator(_an_address)] = "127.0.0.1:8780"
    """Or `off`."""
    token: SecretStr | None = None

    @property
    def address(self) -> Address | None:
        """Where to listen; None for nowhere."""
        return address(self.listen)

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        """Refuse to show everybody on the network what is watched."""
        if self.token is not None and not self.token.get_secret_value().strip():
            raise ValueError("the token is empty")
        listens = self.address
        if listens is not None and not listens.loopback and self.token is None:
            raise ValueError(
                f"{listens} can be reached from other machines: set WATCHER_WEB__TOKEN (or a credential web_token), "
                "or listen on 127.0.0.1"
            )
        return self


class HeartbeatSettings(_Section):
    """What is fetched while all is well, so that somebody outside notices when it is not."""

    url: SecretStr | None = None
    every: Duration = timedelta(minutes=5)
