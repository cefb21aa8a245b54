"""The demo as a whole: the host and the simulator, the story on top, the evidence that it leaves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import httpx

from local.demo.screen import Screen
from local.demo.story import Story, StoryBroke
from local.processes import HERE, Home, ProcessFailed, both

LOG_TAIL = 3000


class DemoBroke(Exception):
    """The story did not come to its end; ``logs`` are the ends of the processes' logs by name."""

    def __init__(self, why: str, logs: dict[str, str]) -> None:
        super().__init__(why)
        self.logs = logs


def play(
    app: Path, estate: Path, out: Path, speed: float, screen: Screen, host_home: Home = HERE
) -> dict[str, Any]:
    """Tell the story with the app of that folder; return its evidence, whose files go to ``out``; raises DemoBroke."""
    with tempfile.TemporaryDirectory(prefix="leeward-demo-") as name:
        folder = Path(name)
        settings = {
            "PLAN_STORE": str(app / "plans"),
            "EVIDENCE_STORE": str(folder / "evidence"),
            "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "true",
        }
        try:
            with (
                both(app, estate, folder, f"scaled:{speed}", settings, host_home=host_home) as (
                    azure,
                    host,
                ),
                Story(host.url, azure.environment["PROBE_PROXY"], screen) as story,
            ):
                return story.tell(out)
        except (ProcessFailed, StoryBroke, httpx.HTTPError) as error:
            logs = {
                log.name: log.read_text(errors="replace")[-LOG_TAIL:]
                for log in sorted(folder.glob("*.log"))
            }
            raise DemoBroke(str(error), logs) from error
