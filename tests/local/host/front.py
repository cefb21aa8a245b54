"""What the tests of the front share: where the apps are, and a host on virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from local.clock import VirtualClock
from local.host.front import BODY_LIMIT
from local.host.host import Host

APPS = Path(__file__).parent.parent / "apps"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@contextmanager
def running(
    app: str,
    folder: Path,
    *,
    auth: bool = False,
    settings: Mapping[str, str] | None = None,
    auto_advance: bool = False,
    body_limit: int = BODY_LIMIT,
) -> Iterator[tuple[Host, httpx.Client]]:
    """Run one of the sample apps from Sunday noon on, and lend a client of it."""
    host = Host(
        APPS / app,
        folder / "host.db",
        VirtualClock(NOON),
        auth=auth,
        settings=settings,
        auto_advance=auto_advance,
        body_limit=body_limit,
    )
    with host, httpx.Client(base_url=host.url, timeout=20) as client:
        yield host, client


def wait_for(condition: Callable[[], bool], wall_seconds: float = 20) -> None:
    """Wait until the condition holds; another process or thread brings it about."""
    deadline = time.monotonic() + wall_seconds
    while not condition():
        assert time.monotonic() < deadline, f"{condition.__name__} did not come in time"
        time.sleep(0.005)
