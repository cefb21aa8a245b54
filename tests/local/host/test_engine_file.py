"""What the engine keeps on its file outlives the host, once and whole."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from local.clock import VirtualClock
from local.host.engine import DurableEngine
from local.host.store import FileInUse, FileUnusable, Store
from tests.local.host.driving import START, driving, driving_app
from tests.local.host.scripted import WAIT, ScriptedApp, one_activity, until


def test_a_late_result_of_an_earlier_run_is_dropped(tmp_path: Path) -> None:
    first_may_end, turns = threading.Event(), iter(range(9))

    def answer(payload: str | None) -> str:
        turn = next(turns)
        if turn == 0:
            assert first_may_end.wait(WAIT)
        return json.dumps(f"result {turn}")

    app = ScriptedApp(one_activity)
    app.activity = answer
    with driving_app(app, tmp_path) as driver:
        driver.start("scripted", None, "one")
        until(lambda: driver.status("one").runtime_status == "Running")
        driver.engine.terminate("one", "")
        until(lambda: driver.status("one").runtime_status == "Terminated")
        driver.start("scripted", None, "one")
        until(lambda: driver.status("one").runtime_status == "Completed")
        first_may_end.set()
        driver.settle()
        assert driver.status("one").output == '"result 1"'


def test_a_late_result_does_not_complete_the_next_run(tmp_path: Path) -> None:
    first_may_end, second_may_end, turns = threading.Event(), threading.Event(), iter(range(9))

    def answer(payload: str | None) -> str:
        turn = next(turns)
        assert (second_may_end if turn else first_may_end).wait(WAIT)
        return str(turn)

    app = ScriptedApp(one_activity)
    app.activity = answer
    with driving_app(app, tmp_path) as driver:
        driver.start("scripted", None, "one")
        until(lambda: driver.status("one").runtime_status == "Running")
        driver.engine.terminate("one", "")
        until(lambda: driver.status("one").runtime_status == "Terminated")
        driver.start("scripted", None, "one")
        until(lambda: driver.status("one").runtime_status == "Running")
        first_may_end.set()
        until(lambda: _count(tmp_path, "tasks") == 1)
        assert driver.status("one").runtime_status == "Running"
        second_may_end.set()
        driver.settle()
        assert driver.status("one").output == "1"


def test_an_activity_cut_off_by_the_end_of_the_host_runs_again(tmp_path: Path) -> None:
    may_end, calls = threading.Event(), list[int]()

    def answer(payload: str | None) -> str:
        calls.append(1)
        if len(calls) == 1:
            may_end.wait(WAIT)
        return "7"

    app = ScriptedApp(one_activity)
    app.activity = answer
    engine = DurableEngine(app, tmp_path / "engine.db", VirtualClock(START))
    engine.start()
    engine.start_new("scripted", None, "one")
    until(lambda: calls == [1])
    engine.stop(patience=0.01)
    may_end.set()
    with driving_app(app, tmp_path) as driver:
        assert driver.finish("one").output == "7"
    assert len(calls) == 2


def test_timers_and_events_outlive_the_host(tmp_path: Path) -> None:
    with driving("approval", tmp_path) as (driver, _):
        driver.start("publish", "a", "answered")
        driver.start("publish", "b", "unanswered")
        driver.settle()
        due = driver.engine.next_due()
    with driving("approval", tmp_path) as (driver, _):
        assert driver.engine.next_due() == due == START + timedelta(hours=72)
        driver.tell("answered", "approval", "yes")
        assert driver.finish("answered").output == "answered yes"
        assert driver.finish("unanswered").output == "nobody answered"


def test_an_instance_written_but_not_begun_is_begun_by_the_next_host(tmp_path: Path) -> None:
    app = ScriptedApp(one_activity)
    engine = DurableEngine(app, tmp_path / "engine.db", VirtualClock(START))
    engine.start_new("scripted", None, "one")
    engine.signal_entity("Tally", "t", "count", None)
    assert engine.busy()
    engine.stop()
    with driving_app(app, tmp_path) as driver:
        assert driver.finish("one").runtime_status == "Completed"
        assert driver.engine.entity_state("tally", "t") == "1"


def test_a_file_belongs_to_one_host_at_a_time(tmp_path: Path) -> None:
    with driving_app(ScriptedApp(one_activity), tmp_path), pytest.raises(FileInUse) as refusal:
        DurableEngine(ScriptedApp(one_activity), tmp_path / "engine.db", VirtualClock(START))
    assert f"another host works on {tmp_path / 'engine.db'}; stop it" in str(refusal.value)
    with driving_app(ScriptedApp(one_activity), tmp_path) as driver:
        assert driver.run("scripted").runtime_status == "Completed"


def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "engine.db", lambda writes: None)
    with pytest.raises(ZeroDivisionError), store.transaction() as writes:
        writes.send("someone", {"EventType": 15})
        raise ZeroDivisionError
    assert store.messages("someone") == []
    store.close()


def test_numbers_of_deleted_rows_are_never_given_again(tmp_path: Path) -> None:
    seen = list[int]()
    store = Store(tmp_path / "engine.db", lambda writes: None)
    for _ in range(3):
        with store.transaction() as writes:
            writes.set_timer(START, "someone", {"EventType": 11}, None)
            writes.schedule("someone", "run", 0, "act", None)
        seen.extend((writes.timers[0][1], writes.tasks[0].id))
        with store.transaction() as writes:
            writes.fire([writes_id for _, writes_id in store.unfinished()[2]])
            for task in store.unfinished()[1]:
                writes.settle(task, {"EventType": 5})
    store.close()
    assert seen == [1, 1, 2, 2, 3, 3]


def test_history_is_measured_in_bytes(tmp_path: Path) -> None:
    with driving_app(ScriptedApp(one_activity), tmp_path) as driver:
        driver.run("scripted", "ü", "one")
        with sqlite3.connect(tmp_path / "engine.db") as db:
            texts = [row[0] for row in db.execute("SELECT event FROM history")]
        db.close()
        assert driver.engine.history_bytes() == {"one": sum(len(t.encode()) for t in texts)}


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(
        "This is not the file of a host, and longer than a header. " * 4
    )
    with pytest.raises(FileUnusable, match=r"notes\.txt is no file of this host's"):
        Store(tmp_path / "notes.txt", lambda _: None)


def test_a_folder_where_nothing_can_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "here.lock").mkdir()
    with pytest.raises(FileUnusable, match="here cannot be written"):
        Store(tmp_path / "here", lambda _: None)


def _count(folder: Path, table: str) -> int:
    with sqlite3.connect(folder / "engine.db") as db:
        number: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return number
