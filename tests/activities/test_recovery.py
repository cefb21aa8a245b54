"""A wave is started at most once per item however often it is delivered, and each member is judged by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.recovery import Recovery, Wave, WaveMember, WaveStarted
from domain.errors import Permanent, StepError, Transient
from domain.replication import RULES, Job, ProtectedItem, Terms, Verb
from tests.activities.ports import CONTAINER, VaultInMemory, item
from tests.plan_samples import VAULT

NIGHT = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)
ARRIVED = {"state": "UnplannedFailoverCommitRequired", "allowed": ("Commit",)}


def wave(*names: str, verb: Verb = Verb.FAILOVER, **jobs: str) -> Wave:
    return Wave(
        vault=VAULT,
        verb=verb,
        members=tuple(
            WaveMember(name=n, item=CONTAINER.item_id(n), job=jobs.get(n.replace("-", "_")))
            for n in names
        ),
    )


def failing(name: str, **changes: object) -> Job:
    known = {"name": name, "state": "Failed", "error_code": "28031", "error": "no capacity"}
    return Job.model_validate({**known, **changes})


# -- start_wave ----------------------------------------------------------------------------


def test_a_wave_is_started_with_one_read_and_one_write_per_item() -> None:
    vault = VaultInMemory().hold(*(item(f"db-{n}") for n in range(30)))
    started = Recovery(vault).start_wave(wave(*(f"db-{n}" for n in range(30))))
    assert vault.lists == 1
    assert sorted(vault.starts) == sorted((f"db-{n}", Verb.FAILOVER) for n in range(30))
    assert [s.name for s in started.members] == [f"db-{n}" for n in range(30)]
    assert all(s.job and not s.adopted and not s.code for s in started.members)


@pytest.mark.parametrize("verb", Verb)
def test_a_wave_that_is_delivered_again_starts_nothing_twice(verb: Verb) -> None:
    allowed = RULES[verb].operation
    vault = VaultInMemory()
    if verb is not Verb.PROTECT:  # which begins where there is no item yet
        state = "UnplannedFailoverCommitted" if verb is Verb.REPROTECT else "Protected"
        both = (item(name, state=state, allowed=(allowed,)) for name in ("a", "b"))
        vault.hold(*both)
    first = Recovery(vault).start_wave(wave("a", "b", verb=verb))
    again = Recovery(vault).start_wave(wave("a", "b", verb=verb))
    assert len(vault.starts) == 2
    assert [s.job for s in again.members] == [s.job for s in first.members]
    assert all(s.adopted for s in again.members)


@settings(deadline=None)
@given(losses=st.sets(st.sampled_from(["a", "b", "c"])), deliveries=st.integers(1, 5))
def test_lost_answers_and_redeliveries_start_each_item_once(
    losses: set[str], deliveries: int
) -> None:
    vault = VaultInMemory(loses_the_answer_for=losses, lost=Transient("timeout", "no answer"))
    vault.hold(item("a"), item("b"), item("c"))
    for _ in range(deliveries):
        Recovery(vault).start_wave(wave("a", "b", "c"))
    last = Recovery(vault).start_wave(wave("a", "b", "c"))
    assert sorted(name for name, _ in vault.starts) == ["a", "b", "c"]
    assert all(s.adopted and s.job for s in last.members)


def test_a_lost_answer_is_a_reason_to_ask_again() -> None:
    vault = VaultInMemory(loses_the_answer_for={"a"}, lost=Transient("timeout", "no answer"))
    (started,) = Recovery(vault.hold(item("a"))).start_wave(wave("a")).members
    assert (started.again, started.code, started.job) == (True, "timeout", None)


def one(verb: Verb, found: ProtectedItem) -> tuple[VaultInMemory, WaveStarted]:
    vault = VaultInMemory().hold(found)
    return vault, Recovery(vault).start_wave(wave(found.name, verb=verb))


@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        (Verb.FAILOVER, ARRIVED),
        (Verb.FAILOVER, {"state": "UnplannedFailoverCommitted", "allowed": ()}),
        (Verb.COMMIT, {"state": "UnplannedFailoverCommitted", "allowed": ()}),
        (Verb.DRILL_CLEANUP, {}),
    ],
)
def test_what_has_happened_is_adopted_and_not_done_again(
    verb: Verb, changes: dict[str, object]
) -> None:
    vault, started = one(verb, item("a", **changes))
    assert not vault.starts
    assert started.members[0].happened
    assert started.members[0].adopted
    assert started.members[0].code is None


def test_a_running_job_is_adopted_by_its_name() -> None:
    running = item("a", scenario="UnplannedFailover", scenario_job="j-7", allowed=())
    vault, started = one(Verb.FAILOVER, running)
    assert not vault.starts
    assert (started.members[0].job, started.members[0].adopted) == ("j-7", True)


def test_an_item_with_another_job_is_asked_for_again() -> None:
    vault, started = one(Verb.FAILOVER, item("a", scenario="TestFailover", scenario_job="j-1"))
    assert not vault.starts
    said = started.members[0]
    assert (said.again, said.code) == (True, "item_busy")
    assert "TestFailover runs on a" in (said.message or "")


def test_an_item_that_azure_does_not_let_move_is_refused_with_what_it_allows() -> None:
    vault, started = one(
        Verb.FAILOVER,
        item("a", state="EnablingProtection", state_description="enabling", allowed=("DisableDr",)),
    )
    assert not vault.starts
    said = started.members[0]
    assert (said.again, said.code) == (False, "not_allowed_now")
    assert said.message == (
        "failover is not allowed while a is EnablingProtection (enabling); Azure allows DisableDr"
    )


def test_an_unknown_item_is_refused_by_itself() -> None:
    vault = VaultInMemory().hold(item("a"))
    known, unknown = Recovery(vault).start_wave(wave("a", "ghost")).members
    assert known.job
    assert (unknown.code, unknown.again) == ("item_unknown", False)
    assert CONTAINER.item_id("ghost") in (unknown.message or "")


def test_ids_are_compared_as_azure_compares_them() -> None:
    shouting = item("a")
    shouting = shouting.model_copy(update={"id": shouting.id.upper()})
    vault = VaultInMemory()
    vault.known["A"] = shouting
    (started,) = Recovery(vault).start_wave(wave("a")).members
    assert started.job


@pytest.mark.parametrize(
    ("error", "again", "after"),
    [
        (Transient("throttled", "slow", timedelta(seconds=70)), True, 70),
        (Transient("throttled", "slow"), True, None),
        (Permanent("forbidden", "the identity may not"), False, None),
    ],
)
def test_one_members_error_is_its_own(error: StepError, again: bool, after: int | None) -> None:
    vault = VaultInMemory(refuses={"b": error}).hold(item("a"), item("b"), item("c"))
    a, b, c = Recovery(vault).start_wave(wave("a", "b", "c")).members
    assert a.job
    assert c.job
    assert (b.job, b.code, b.message) == (None, error.code, error.message)
    assert (b.again, b.after_seconds) == (again, after)


def test_a_bug_in_a_start_is_not_hidden() -> None:
    class Broken(VaultInMemory):
        def start(self, item_id: str, verb: Verb, terms: Terms) -> str:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Recovery(Broken().hold(item("a"))).start_wave(wave("a"))


def test_a_vault_that_cannot_be_read_starts_nothing() -> None:
    class Deaf(VaultInMemory):
        def items(self, vault: str) -> list[ProtectedItem]:
            raise Transient("unavailable", "503")

    deaf = Deaf().hold(item("a"))
    with pytest.raises(Transient):
        Recovery(deaf).start_wave(wave("a"))
    assert not deaf.starts


# -- check_wave ----------------------------------------------------------------------------


def test_a_wave_is_checked_with_one_read_of_the_list() -> None:
    point = {"rpo_seconds": 90, "rpo_calculated_at": NIGHT, "failed_over_at": NIGHT}
    vault = VaultInMemory().hold(
        item("a", **ARRIVED, **point),
        item("b", scenario="UnplannedFailover", scenario_job="j-b"),
    )
    news = Recovery(vault).check_wave(wave("a", "b", a="j-a", b="j-b"))
    assert (vault.lists, vault.single) == (1, [])
    (ended,) = news.ended
    assert (ended.name, ended.arrived, ended.ended_at) == ("a", True, NIGHT)
    assert ended.recovery_point_at == NIGHT - timedelta(seconds=90)


def test_a_job_is_read_only_for_what_the_item_cannot_say() -> None:
    vault = VaultInMemory(jobs={"j-b": failing("j-b", ended_at=NIGHT)}).hold(
        item("a", rpo_seconds=90, rpo_calculated_at=NIGHT, **ARRIVED), item("b")
    )
    news = Recovery(vault).check_wave(wave("a", "b", a="j-a", b="j-b"))
    assert vault.single == ["j-b"]
    lost = next(each for each in news.ended if each.name == "b")
    assert (lost.arrived, lost.code, lost.message, lost.ended_at) == (
        False,
        "28031",
        "no capacity",
        NIGHT,
    )


def test_the_job_tells_the_recovery_point_of_an_item_that_tells_of_no_rpo() -> None:
    job = Job(name="j-a", state="Succeeded", recovery_point_at=NIGHT)
    vault = VaultInMemory(jobs={"j-a": job}).hold(item("a", **ARRIVED))
    (ended,) = Recovery(vault).check_wave(wave("a", a="j-a")).ended
    assert (ended.arrived, ended.recovery_point_at) == (True, NIGHT)


def test_a_recovery_point_that_nobody_can_tell_keeps_no_machine_waiting() -> None:
    gone = Permanent("not_found", "no job")
    vault = VaultInMemory(jobs={"j-a": gone}).hold(item("a", **ARRIVED))
    (ended,) = Recovery(vault).check_wave(wave("a", a="j-a")).ended
    assert (ended.arrived, ended.recovery_point_at) == (True, None)


def test_a_start_that_azure_refuses_because_it_runs_is_adopted() -> None:
    class Lagging(VaultInMemory):
        """Its list shows what runs only when it is read a second time."""

        def items(self, vault: str) -> Sequence[ProtectedItem]:
            shown = super().items(vault)
            return shown if self.lists > 1 else (item("a"), item("b"))

    vault = Lagging(refuses={"a": Permanent("refused", "a job runs")}).hold(
        item("a", scenario="UnplannedFailover", scenario_job="j-a", allowed=()), item("b")
    )
    a, b = Recovery(vault).start_wave(wave("a", "b")).members
    assert (a.job, a.adopted, a.code) == ("j-a", True, None)
    assert (b.adopted, vault.lists) == (False, 2)


@pytest.mark.parametrize("state", ["InProgress", "NotStarted", "Succeeded", "SomethingNew"])
def test_a_job_that_did_not_fail_leaves_the_last_word_to_the_item(state: str) -> None:
    vault = VaultInMemory(jobs={"j-a": Job(name="j-a", state=state)}).hold(item("a"))
    assert Recovery(vault).check_wave(wave("a", a="j-a")).ended == ()


@pytest.mark.parametrize("state", ["Failed", "Cancelled"])
def test_a_job_that_failed_without_a_reason_is_named_by_its_state(state: str) -> None:
    vault = VaultInMemory(jobs={"j-a": Job(name="j-a", state=state)}).hold(item("a"))
    (ended,) = Recovery(vault).check_wave(wave("a", a="j-a")).ended
    assert (ended.code, ended.message) == (f"job_{state.lower()}", f"job j-a ended as {state}")


def test_a_member_at_rest_whose_job_nobody_knows_is_lost() -> None:
    vault = VaultInMemory().hold(item("a"))
    (ended,) = Recovery(vault).check_wave(wave("a")).ended
    assert (ended.arrived, ended.code) == (False, "job_lost")
    assert not vault.single


def test_one_job_that_cannot_be_read_does_not_hide_the_other_members() -> None:
    class Forgetful(VaultInMemory):
        def job(self, vault: str, job: str) -> Job:
            raise Permanent("not_found", "there is no job j-b")

    vault = Forgetful().hold(item("a", **ARRIVED), item("b"))
    news = Recovery(vault).check_wave(wave("a", "b", a="j-a", b="j-b"))
    assert [(each.name, each.arrived, each.code) for each in news.ended] == [
        ("a", True, None),
        ("b", False, "not_found"),
    ]


def test_a_throttled_job_is_asked_for_again_with_the_whole_wave() -> None:
    class Throttled(VaultInMemory):
        def job(self, vault: str, job: str) -> Job:
            raise Transient("throttled", "slow")

    with pytest.raises(Transient):
        Recovery(Throttled().hold(item("b"))).check_wave(wave("b", b="j-b"))


def test_a_commit_has_ended_when_the_item_is_committed() -> None:
    vault = VaultInMemory().hold(
        item("a", state="UnplannedFailoverCommitted", allowed=("SwitchProtection",)),
        item("b", **ARRIVED, scenario="CommitFailover", scenario_job="j-b"),
    )
    news = Recovery(vault).check_wave(wave("a", "b", verb=Verb.COMMIT, a="j-a", b="j-b"))
    assert [(each.name, each.arrived) for each in news.ended] == [("a", True)]


def test_a_drill_is_cleaned_up_when_nothing_is_left_to_clean() -> None:
    vault = VaultInMemory(jobs={"j-b": failing("j-b")}).hold(
        item("a"), item("b", allowed=("TestFailoverCleanup",))
    )
    news = Recovery(vault).check_wave(wave("a", "b", verb=Verb.DRILL_CLEANUP, a="j-a", b="j-b"))
    assert [(each.name, each.arrived) for each in news.ended] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("state", "scenario", "job", "ended"),
    [
        ("Protected", None, "j-a", True),
        ("Protected", "TestFailover", "j-a", True),
        ("InitialReplicationInProgress", None, "j-a", None),
        ("InitialReplicationInProgress", None, None, None),
        ("InitialReplicationRecoveryCompletionPending", None, "j-a", None),
        ("EnablingProtection", "EnableDr", "j-a", None),
        ("EnablingProtection", None, "j-a", False),
    ],
)
def test_a_machine_is_protected_with_its_first_recovery_point_and_not_before(
    state: str, scenario: str | None, job: str | None, ended: bool | None
) -> None:
    vault = VaultInMemory(jobs={"j-a": failing("j-a")})
    vault.hold(item("a", state=state, scenario=scenario, allowed=(), percent=43))
    asked = wave("a", verb=Verb.PROTECT, **({"a": job} if job else {}))
    news = Recovery(vault).check_wave(asked)
    assert [one.arrived for one in news.ended] == ([] if ended is None else [ended])
    assert news.percent == ({} if state == "Protected" else {"a": 43})


def test_a_machine_whose_item_is_not_to_be_seen_yet_is_waited_for_until_its_job_fails() -> None:
    running = failing("j-a", state="InProgress")
    vault = VaultInMemory(jobs={"j-a": running})
    asked = wave("a", verb=Verb.PROTECT, a="j-a")
    assert Recovery(vault).check_wave(asked).ended == ()
    vault.jobs["j-a"] = failing("j-a")
    (ended,) = Recovery(vault).check_wave(asked).ended
    assert (ended.arrived, ended.code) == (False, "28031")


def test_a_machine_is_put_under_replication_once_with_its_own_terms() -> None:
    vault = VaultInMemory()
    (first,) = Recovery(vault).start_wave(wave("a", verb=Verb.PROTECT)).members
    replicating = {"state": "InitialReplicationInProgress", "scenario": None}
    vault.hold(vault.known["a"].model_copy(update=replicating))
    (again,) = Recovery(vault).start_wave(wave("a", verb=Verb.PROTECT)).members
    assert (first.job, first.adopted, again.adopted) == ("job-1", False, True)
    assert vault.starts == [("a", Verb.PROTECT)]


WAITING = {"allowed": ("TestFailoverCleanup",), "test_vm": "/g/vm-test"}


@pytest.mark.parametrize(("state", "arrived"), [("Failed", False), ("Succeeded", True)])
def test_a_test_machine_that_waits_for_its_clean_up_came_up_well_only_if_its_job_says_so(
    state: str, arrived: bool
) -> None:
    vault = VaultInMemory(jobs={"j-a": failing("j-a", state=state)}).hold(item("a", **WAITING))
    (ended,) = Recovery(vault).check_wave(wave("a", verb=Verb.DRILL, a="j-a")).ended
    assert ended.arrived is arrived
    assert (ended.code == "28031") is not arrived
