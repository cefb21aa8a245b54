from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from local.host.contract import InstanceBusy, InstanceEnded, InstanceNotFound
from tests.local.host.driving import START, Driver, body, driving


def kinds(driver: Driver, instance_id: str) -> list[int]:
    return [event["EventType"] for event in driver.status(instance_id, True).history]


def test_steps_run_one_after_another(tmp_path: Path) -> None:
    with driving("chaining", tmp_path) as (driver, _):
        assert driver.run("bake").output == {"bread": "rye dough"}


def test_many_activities_run_at_once_and_are_added_up(tmp_path: Path) -> None:
    with driving("fan_out", tmp_path) as (driver, _):
        assert driver.run("weigh_all", 100).output == sum(range(100))


def test_a_failure_among_many_is_seen_once_all_have_ended(tmp_path: Path) -> None:
    with driving("fan_out", tmp_path) as (driver, _):
        ended = driver.run("weigh_in_spite")
        assert ended.output == "Activity function 'weigh' failed:  ValueError: no parcel weighs -1"


def test_children_run_under_given_and_generated_ids(tmp_path: Path) -> None:
    with driving("sub_orchestrations", tmp_path) as (driver, _):
        ended = driver.run("tour", ["Rome", "Oslo"], "grand")
        assert [visit["photo"] for visit in ended.output] == [
            "photo of Rome",
            "photo of Oslo",
            "photo of Home",
        ]
        assert {visit["parent"] for visit in ended.output} == {"grand"}
        ids = {status.instance_id for status in driver.engine.query()[0]}
        assert {"grand", "grand:Rome", "grand:Oslo"} < ids
        (generated,) = ids - {"grand", "grand:Rome", "grand:Oslo"}
        assert generated.endswith(":2")


def test_a_childs_failure_reaches_its_parent_with_every_reason(tmp_path: Path) -> None:
    with driving("sub_orchestrations", tmp_path) as (driver, _):
        output = driver.run("tour_with_accident").output
        assert output.startswith(
            "Orchestrator function 'visit' failed: "
            "Activity function 'photograph' failed:  LookupError: it has sunk"
        )
        assert driver.status("atlantis").runtime_status == "Failed"


def test_an_id_of_an_ended_child_can_be_used_again(tmp_path: Path) -> None:
    with driving("sub_orchestrations", tmp_path) as (driver, _):
        photos = [visit["photo"] for visit in driver.run("tour_of_one_again").output]
        assert photos == ["photo of Rome", "photo of Oslo"]


def test_a_child_cannot_have_its_parents_id(tmp_path: Path) -> None:
    with driving("sub_orchestrations", tmp_path) as (driver, _):
        ended = driver.run("tour_of_itself", None, "ego")
        assert ended.runtime_status == "Failed"
        assert "has the instance id of its parent, 'ego'" in ended.output


def test_a_child_whose_id_is_taken_fails_in_its_parent(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        driver.start("long_job", None, "the-job")
        ended = driver.run("parent_of_a_job")
        assert "An Orchestration instance with the status" in ended.output


def test_an_approval_arrives_in_time(tmp_path: Path) -> None:
    with driving("approval", tmp_path) as (driver, _):
        instance_id = driver.start("publish", "draft 7")
        assert driver.state(instance_id) == "Running"
        assert driver.status(instance_id).custom_status == {"waiting": "approval"}
        driver.tell(instance_id, "Approval", "yes")
        driver.tell(instance_id, "approval", "yes")
        assert driver.finish(instance_id).output == "answered yes"
        assert driver.clock.now() == START


def test_an_approval_times_out_after_three_days(tmp_path: Path) -> None:
    with driving("approval", tmp_path) as (driver, _):
        instance_id = driver.start("publish", "draft 7")
        assert driver.jump() == timedelta(hours=72)
        assert driver.status(instance_id).output == "nobody answered"


def test_a_monitor_looks_until_it_sees(tmp_path: Path) -> None:
    with driving("monitor", tmp_path) as (driver, _):
        seen = {"looks": 6, "at": (START + timedelta(minutes=50)).isoformat()}
        assert driver.run("watch", "Bari").output == seen


def test_a_monitor_gives_up_at_its_deadline(tmp_path: Path) -> None:
    with driving("monitor", tmp_path) as (driver, _):
        assert driver.run("watch", "Bergen").output == {"looks": 24, "at": None}


def test_an_eternal_orchestration_forgets_its_past(tmp_path: Path) -> None:
    with driving("eternal", tmp_path) as (driver, _):
        instance_id = driver.start("sweep", {"swept": 0, "until": 30})
        driver.settle()
        first = driver.engine.history_bytes()[instance_id]
        for _ in range(28):
            driver.jump()
        assert driver.engine.history_bytes()[instance_id] < first * 1.2
        assert driver.status(instance_id).custom_status == "sweep 29"
        assert driver.finish(instance_id).output == "worn out"
        assert driver.clock.now() == START + timedelta(hours=29)
        assert driver.status(instance_id).input == '{"swept": 29, "until": 30}'


def test_events_that_come_between_runs_are_not_lost(tmp_path: Path) -> None:
    with driving("eternal", tmp_path) as (driver, _):
        instance_id = driver.start("collect")
        driver.settle()
        for coin in ("penny", "dime", "nickel"):
            driver.tell(instance_id, "coin", coin)
            driver.settle()
        assert driver.status(instance_id).output == ["penny", "dime", "nickel"]


def test_entities_are_signalled_and_called_in_order(tmp_path: Path) -> None:
    with driving("counter", tmp_path) as (driver, _):
        assert driver.run("move", "c1").output == [15, 16, 17, 18, 18]
        assert driver.engine.entity_state("COUNTER", "c1") == "18"
        driver.engine.signal_entity("Counter", "c1", "add", body(2))
        driver.engine.signal_entity("counter", "c2", "add", body(1))
        driver.settle()
        assert driver.engine.entity_state("Counter", "c1") == "20"
        assert driver.engine.entity_state("Counter", "C1") is None
        assert driver.engine.entities("Counter") == [
            ("counter", "c1", START),
            ("counter", "c2", START),
        ]
        assert driver.engine.entities("other") == []
        driver.engine.signal_entity("Counter", "c1", "remove", None)
        driver.settle()
        assert driver.engine.entity_state("Counter", "c1") is None


def test_an_entitys_error_is_raised_in_its_caller(tmp_path: Path) -> None:
    with driving("counter", tmp_path) as (driver, _):
        assert driver.run("provoke").output == "counter fragile broke at 0"
        assert driver.engine.entity_state("Counter", "fragile") is None


def test_a_retried_activity_succeeds_after_its_pauses(tmp_path: Path) -> None:
    with driving("retries", tmp_path) as (driver, _):
        ended = driver.run("insist", {"name": "Ann", "failures": 2})
        assert ended.output == ["Ann took 3", "after Ann took 1"]
        assert driver.clock.now() == START + timedelta(minutes=2)


def test_a_retried_activity_that_never_succeeds_raises_its_last_error(tmp_path: Path) -> None:
    with driving("retries", tmp_path) as (driver, _):
        ended = driver.run("insist", {"name": "Bob", "failures": 9})
        assert ended.output == [
            "Activity function 'dial' failed:  ConnectionError: attempt 3 of Bob",
            "after Bob took 1",
        ]
        assert driver.clock.now() == START + timedelta(minutes=2)


def test_a_retried_child_is_a_new_instance_each_time(tmp_path: Path) -> None:
    with driving("retries", tmp_path) as (driver, _):
        ended = driver.run("insist_on_a_child", {"name": "Cid", "failures": 2})
        assert ended.output == "Cid took 3"
        outcomes = [s.runtime_status for s in driver.engine.query()[0] if s.name == "dial_once"]
        assert outcomes == ["Failed", "Failed", "Completed"]


def test_a_race_is_won_and_its_timer_called_off(tmp_path: Path) -> None:
    with driving("races", tmp_path) as (driver, _):
        instance_id = driver.start("race")
        driver.settle()
        assert driver.status(instance_id).output == ["work", "done"]
        assert driver.engine.next_due() is None


def test_a_timer_beyond_six_days_goes_in_steps_of_three(tmp_path: Path) -> None:
    with driving("races", tmp_path) as (driver, _):
        instance_id = driver.start("long_wait")
        jumps = []
        while driver.state(instance_id) == "Running":
            jumps.append(driver.jump())
        assert driver.status(instance_id).output == (START + timedelta(days=30)).isoformat()
        assert jumps == [timedelta(days=3)] * 8 + [timedelta(days=6)]


def test_a_terminated_instance_ends_at_once(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        instance_id = driver.start("long_job")
        driver.settle()
        driver.engine.terminate(instance_id, "enough")
        driver.settle()
        ended = driver.status(instance_id)
        assert (ended.runtime_status, ended.output) == ("Terminated", "enough")
        with pytest.raises(InstanceEnded, match="Terminated"):
            driver.tell(instance_id, "first", 1)
        with pytest.raises(InstanceEnded):
            driver.engine.terminate(instance_id, "again")


def test_a_terminated_child_fails_in_its_parent(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        instance_id = driver.start("parent_of_a_job")
        driver.settle()
        driver.engine.terminate("the-job", "enough")
        assert driver.finish(instance_id).output.startswith("child: enough")


def test_a_suspended_instance_hears_nothing_until_resumed(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        instance_id = driver.start("long_job")
        driver.settle()
        driver.engine.suspend(instance_id, "lunch")
        assert driver.state(instance_id) == "Suspended"
        driver.tell(instance_id, "first", 1)
        driver.tell(instance_id, "second", 2)
        driver.settle()
        held = driver.status(instance_id)
        assert (held.runtime_status, held.custom_status) == ("Suspended", None)
        with pytest.raises(InstanceBusy, match="Suspended"):
            driver.start("long_job", None, instance_id)
        driver.engine.resume(instance_id, "back")
        driver.settle()
        assert driver.status(instance_id).custom_status == {"heard": 1}
        assert driver.finish(instance_id).output == [1, 2]


def test_a_timer_that_comes_due_while_suspended_is_held(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        instance_id = driver.start("long_job")
        driver.tell(instance_id, "first", 1)
        driver.tell(instance_id, "second", 2)
        driver.settle()
        driver.engine.suspend(instance_id, "lunch")
        driver.jump()
        assert driver.state(instance_id) == "Suspended"
        driver.engine.resume(instance_id, "back")
        assert driver.finish(instance_id).output == [1, 2]


def test_an_instance_suspended_before_its_first_turn_has_not_begun(tmp_path: Path) -> None:
    with driving("controls", tmp_path, turn_threads=1) as (driver, _):
        engine = driver.engine
        with engine._transaction() as writes:
            # One transaction, so that no turn comes between the start and the suspension.
            engine._decisions.start(writes, START, "early", "long_job", None, None)
            writes.send("early", {"EventType": 19, "EventId": -1, "Reason": "wait"})
        assert driver.state("early") == "Suspended"
        driver.tell("early", "first", 1)
        engine.resume("early", "go")
        driver.settle()
        assert driver.status("early").custom_status == {"heard": 1}


def test_a_purge_forgets_ended_instances_only(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        driver.start("long_job", None, "a")
        driver.start("long_job", None, "b")
        driver.settle()
        assert driver.engine.purge("a") == 0
        driver.engine.terminate("a", "")
        driver.settle()
        assert driver.engine.purge("a") == 1
        assert driver.engine.purge("a") == 0
        with pytest.raises(InstanceNotFound, match="'a'"):
            driver.status("a")
        driver.engine.terminate("b", "")
        driver.settle()
        hour = timedelta(hours=1)
        assert driver.engine.purge_where(START + hour) == 0
        assert driver.engine.purge_where(START - hour, START - hour / 2) == 0
        assert driver.engine.purge_where(START, statuses=["Completed"]) == 0
        assert driver.engine.purge_where(START, statuses=["Running"]) == 0
        assert driver.engine.purge_where(START, START, ["Terminated"]) == 1
        assert driver.engine.query() == ([], None)


def test_a_status_tells_input_custom_status_output_and_history(tmp_path: Path) -> None:
    with driving("approval", tmp_path) as (driver, _):
        instance_id = driver.start("publish", "draft 7")
        driver.settle()
        driver.tell(instance_id, "approval", {"by": "Eve"})
        ended = driver.finish(instance_id)
        assert (ended.name, ended.input) == ("publish", '"draft 7"')
        assert ended.custom_status == {"waiting": "approval"}
        assert ended.output == "answered {'by': 'Eve'}"
        assert (ended.created_at, ended.updated_at, ended.history) == (START, START, [])
        assert kinds(driver, instance_id) == [12, 0, 4, 13, 12, 5, 10, 13, 12, 15, 1, 13]


def test_queries_come_in_pages_and_with_filters(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, _):
        for number in range(5):
            driver.start("long_job", None, f"job-{number}")
        driver.start("long_job", None, "other%")
        driver.settle()
        driver.engine.terminate("job-1", "")
        driver.settle()
        page, token = driver.engine.query(limit=4)
        rest, end = driver.engine.query(limit=4, continuation=token)
        ids = [status.instance_id for status in page + rest]
        assert ids == [*(f"job-{number}" for number in range(5)), "other%"]
        assert end is None
        ended, _ = driver.engine.query(statuses=["Terminated"])
        assert [status.instance_id for status in ended] == ["job-1"]
        assert len(driver.engine.query(id_prefix="job-")[0]) == 5
        assert driver.engine.query(id_prefix="%") == ([], None)
        assert driver.engine.query(created_from=START + timedelta(seconds=1)) == ([], None)
        assert len(driver.engine.query(created_to=START)[0]) == 6


def test_a_rewound_instance_tries_what_failed_again(tmp_path: Path) -> None:
    with driving("controls", tmp_path) as (driver, app):
        instance_id = driver.start("fragile")
        failed = driver.finish(instance_id)
        assert "OSError: it is broken" in failed.output
        app.functions["use"].python.__globals__["repaired"].append("now")
        driver.engine.rewind(instance_id, "repaired")
        again = driver.finish(instance_id)
        assert (again.runtime_status, again.output) == ("Completed", "it works")
        assert app.functions["prepare"].python.__globals__["prepared"] == ["once"]
        with pytest.raises(InstanceEnded, match="Completed"):
            driver.engine.rewind(instance_id, "again")


def test_a_restart_has_the_same_input_under_the_same_or_a_new_id(tmp_path: Path) -> None:
    with driving("fan_out", tmp_path) as (driver, _):
        instance_id = driver.start("weigh_all", 4)
        driver.finish(instance_id)
        assert driver.engine.restart(instance_id, with_new_id=False) == instance_id
        other = driver.engine.restart(instance_id, with_new_id=True)
        assert other != instance_id
        assert driver.finish(other).output == driver.finish(instance_id).output == 6
