"""One life of the stress test's host: ``python -m tests.local.host.stress_runner FILE COUNT``.

Starts the instances below COUNT that there are not yet, tells those that listen what they wait
for, and works until all have ended.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path

from local.clock import WallClock
from local.host.app import load_app
from local.host.contract import InstanceEnded, InstanceNotFound
from local.host.engine import DurableEngine
from tests.local.host.driving import APPS, ENDED, body

KINDS = ("chain", "fan", "tree", "timers", "tally", "hear", "eternal", "stumble")


def instance_id(number: int) -> str:
    """Return the id of an instance of the stress test."""
    return f"stress-{number:04d}"


def main(file: Path, count: int) -> None:
    """Live until killed, or until everything is done."""
    logging.getLogger().setLevel(logging.ERROR)
    engine = DurableEngine(load_app(APPS / "stress"), file, WallClock())
    engine.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number in range(count):
        one = instance_id(number)
        try:
            engine.status(one)
        except InstanceNotFound:
            ask = {"kind": KINDS[number % len(KINDS)], "n": number}
            engine.start_new("mixed", body(ask), one)
    for number in range(KINDS.index("hear"), count, len(KINDS)):
        try:
            for event in ("first", "second"):
                engine.raise_event(instance_id(number), event, json.dumps(1000))
        except InstanceEnded:
            continue
    pause = threading.Event()
    while any(status.runtime_status not in ENDED for status in engine.query(limit=10**6)[0]):
        pause.wait(0.02)
    engine.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
