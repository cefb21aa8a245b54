"""Kill the host again and again, at any point: nothing is lost, nothing is done twice in history."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local.clock import VirtualClock
from local.host.app import load_app
from local.host.engine import DurableEngine
from tests.local.host.driving import APPS
from tests.local.host.stress_runner import KINDS, instance_id

INSTANCES = 500
KILLS = 20
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_five_hundred_instances_outlive_twenty_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("STRESS_SEED", "20260301"))
    chance, file, killed = random.Random(seed), tmp_path / "engine.db", 0
    for life in range(1, KILLS + 1):
        runner = _live(file, INSTANCES * life // KILLS)
        _pause(chance.uniform(0.0, 0.35))
        runner.send_signal(signal.SIGKILL)
        killed += runner.wait(10) == -signal.SIGKILL
    assert killed > KILLS / 2, "most lives ended before they were killed; give them more to do"
    assert _live(file, INSTANCES).wait(60) == 0

    wrong = _wrong_results(file)
    assert not wrong, f"seed {seed}: {wrong}"
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for table in ("tasks", "timers", "inbox"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    db.close()


def _live(file: Path, count: int) -> subprocess.Popen[str]:
    """Start a host on the file and wait until it works."""
    runner = subprocess.Popen(
        [sys.executable, "-m", "tests.local.host.stress_runner", str(file), str(count)],
        cwd=ROOT,
        env={**os.environ, "STRESS_FOLDER": str(file.parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    with runner.stdout as told:
        assert told.readline() == "ready\n"
    return runner


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _expected(number: int) -> int:
    match KINDS[number % len(KINDS)]:
        case "chain":
            return number + 4
        case "fan":
            return 6 * (number + 1)
        case "tree":
            return 2 * (number + 4)
        case "timers":
            return number + 3
        case "tally":
            return 6
        case "hear":
            return number + 2000
        case "eternal":
            return number + 4 - number % 4
        case _:
            return number


def _wrong_results(file: Path) -> list[str]:
    engine = DurableEngine(load_app(APPS / "stress"), file, VirtualClock())
    try:
        found = {
            status.instance_id: (status.runtime_status, status.output)
            for status in engine.query(limit=10**6)[0]
        }
        wrong = [
            f"{instance_id(number)} ended as {found.get(instance_id(number))}"
            for number in range(INSTANCES)
            if found.get(instance_id(number)) != ("Completed", _expected(number))
        ]
        wrong += [f"{one} is {end}" for one, end in found.items() if end[0] != "Completed"]
        for number in range(KINDS.index("tally"), INSTANCES, len(KINDS)):
            if engine.entity_state("Tally", str(number)) != "6":
                wrong.append(f"Tally {number} is {engine.entity_state('Tally', str(number))}")
        return wrong
    finally:
        engine.stop()
