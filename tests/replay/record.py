"""Record the golden histories anew: ``python -m tests.replay.record``.

Do so for a release, after a deliberate change of a runbook. A history that today's runbooks can no longer replay is a
run in flight that an update would break: keep such a runbook under its old name until its last run has ended.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from local.host.history import EventType
from tests.orchestrators.stage import Stage, raised
from tests.replay.stories import STORIES

GOLDEN = Path(__file__).parent / "golden"
# What neither the SDK nor the comparison looks at: the inputs of what was scheduled are most of a history's size.
SCHEDULED = {EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED}


def told(stage: Stage) -> list[dict[str, Any]]:
    """Return every instance of a story with its history."""
    shown = (stage.engine.status(s.instance_id, True) for s in stage.engine.query()[0])
    return [
        {
            "instance": status.instance_id,
            "runbook": status.name,
            "history": [compact(event) for event in status.history],
        }
        for status in shown
    ]


def compact(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without what nobody looks at."""
    gone = {"IsPlayed"} | ({"Input"} if event["EventType"] in SCHEDULED else set())
    return {key: value for key, value in event.items() if key not in gone and value is not None}


def written(name: str, instances: list[dict[str, Any]]) -> str:
    """Return a story as its file has it: one event a line, so that a change can be read."""
    lines = []
    for each in instances:
        events = ",\n".join(json.dumps(event, sort_keys=True) for event in each["history"])
        head = {"instance": each["instance"], "runbook": each["runbook"]}
        lines.append(f'{json.dumps(head)[:-1]}, "history": [\n{events}\n]}}')
    return f'{{"story": "{name}", "instances": [\n' + ",\n".join(lines) + "\n]}\n"


def main() -> int:
    """Play every story and write its histories."""
    GOLDEN.mkdir(exist_ok=True)
    for story, outcome in STORIES.items():
        with tempfile.TemporaryDirectory() as folder, raised(Path(folder)) as stage:
            ended = story(stage)
            if ended is not outcome:
                sys.stderr.write(f"{story.__name__} ended {ended}, not {outcome}: not recorded\n")
                return 1
            text = written(story.__name__, told(stage))
            (GOLDEN / f"{story.__name__}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
