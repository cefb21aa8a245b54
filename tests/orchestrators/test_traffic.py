"""Users follow when the application has proved itself, and are never left with nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.health import Heard, PathQuestion, PathSeen, Round
from activities.traffic import EndpointChange
from domain.gate import Probe
from domain.reply import Refused
from domain.run import DnsAnswer, Outcome, ProfileState
from tests.orchestrators.cast import deaf, ok
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import Reply, Stage, forbidden, throttled

ON, OFF = True, False


def only_west_is_deaf(round_: Round) -> Heard:
    return Heard(answers=tuple(deaf(p) if "west" in str(p) else ok(p) for p in round_.probes))


def astray(question: PathQuestion) -> PathSeen:
    return PathSeen(
        dns=(DnsAnswer(resolver="9.9.9.9", answer="east.example.com", ok=False),),
        http=(ok(Probe(http=question.url)),),
    )


def enabled(profile: ProfileState) -> dict[str, bool]:
    return {endpoint.name: endpoint.enabled for endpoint in profile.endpoints}


def test_users_are_sent_to_the_target_before_the_source_is_closed(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.changes() == [("west", ON), ("east", OFF)]
    report = stage.draft.evidence.traffic
    assert report is not None
    assert report.verified
    assert not report.restored
    assert report.trouble is None
    assert report.before is not None
    assert report.after is not None
    assert enabled(report.before) == {"east": True, "west": False}
    assert enabled(report.after) == {"east": False, "west": True}
    assert report.switched_at == stage.called("set_endpoint")[1].at


def test_the_target_is_probed_before_anything_is_changed(stage: Stage) -> None:
    stage.begin(night())
    stage.run_to_end()
    names = stage.names()
    assert names.index("probe_round") < names.index("set_endpoint")
    assert names.index("look_at_source") < names.index("set_endpoint")


def test_a_target_that_never_answers_needs_a_human_and_changes_no_endpoint(stage: Stage) -> None:
    stage.answers(probe_round=only_west_is_deaf)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "did not answer Leeward's own probe: GET http://west.example.com/" in end.because
    assert not stage.called("set_endpoint")
    report = stage.draft.evidence.traffic
    assert report is not None
    assert not report.verified
    assert not report.restored
    assert report.gate is not None
    assert not report.gate.passed


def test_an_endpoint_that_never_comes_online_is_put_back(stage: Stage) -> None:
    def enable(change: EndpointChange) -> ProfileState:
        profile = stage.cast.set_endpoint(change, stage.clock.now())
        offline = [
            e.model_copy(update={"monitor": "CheckingEndpoint"}) if e.name == "west" else e
            for e in profile.endpoints
        ]
        stage.cast.profile = profile.model_copy(update={"endpoints": tuple(offline)})
        return stage.cast.profile

    stage.answers(set_endpoint=enable)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "did not come online" in end.because
    assert ("east", OFF) not in stage.changes()
    assert stage.changes()[0] == ("west", ON)
    assert stage.changes()[-1] == ("west", OFF)
    assert enabled(stage.cast.profile) == {"east": True, "west": False}
    report = stage.draft.evidence.traffic
    assert report is not None
    assert report.restored


def test_an_unmonitored_endpoint_counts_as_served(stage: Stage) -> None:
    def enable(change: EndpointChange) -> ProfileState:
        profile = stage.cast.set_endpoint(change, stage.clock.now())
        known = [e.model_copy(update={"monitor": "Unmonitored"}) for e in profile.endpoints]
        stage.cast.profile = profile.model_copy(update={"endpoints": tuple(known)})
        return stage.cast.profile

    stage.answers(set_endpoint=enable)
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED


def test_when_dns_never_agrees_the_source_returns_before_the_target_goes(stage: Stage) -> None:
    stage.answers(look_at_path=astray)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "9.9.9.9: east.example.com" in end.because
    assert stage.changes() == [("west", ON), ("east", OFF), ("east", ON), ("west", OFF)]
    report = stage.draft.evidence.traffic
    assert report is not None
    assert report.restored
    assert not report.verified
    assert report.switched_at is None
    assert report.after is not None
    assert enabled(report.after) == {"east": True, "west": False}


def test_dns_is_given_the_plans_time_to_agree(stage: Stage) -> None:
    seen = iter([astray, astray])

    def look(question: PathQuestion) -> PathSeen:
        return next(seen, lambda q: stage.cast.look_at_path(q, stage.clock.now()))(question)

    stage.answers(look_at_path=look)
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    first, second, third = (c.at for c in stage.called("look_at_path"))
    assert second - first == third - second == timedelta(seconds=10)


def test_what_was_enabled_before_stays_enabled_when_the_switch_is_taken_back(stage: Stage) -> None:
    west = stage.cast.profile.endpoints[1].model_copy(
        update={"status": "Enabled", "monitor": "Online"}
    )
    stage.cast.profile = stage.cast.profile.model_copy(
        update={"endpoints": (stage.cast.profile.endpoints[0], west)}
    )
    stage.answers(look_at_path=astray)
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN
    assert enabled(stage.cast.profile) == {"east": True, "west": True}
    assert ("west", OFF) not in stage.changes()


def test_endpoints_that_cannot_be_put_back_are_said_so(stage: Stage) -> None:
    def change(asked: EndpointChange) -> ProfileState | Refused:
        if asked.endpoint.name == "east" and asked.enabled:
            return forbidden()
        return stage.cast.set_endpoint(asked, stage.clock.now())

    stage.answers(set_endpoint=change, look_at_path=astray)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "could not be put back" in end.because
    assert "users may be at either end" in end.because
    assert enabled(stage.cast.profile)["west"], "the target stays, for the source did not return"
    report = stage.draft.evidence.traffic
    assert report is not None
    assert not report.restored
    assert report.switched_at == stage.called("set_endpoint")[1].at
    assert not [fact for fact in stage.facts() if "was not moved" in fact]


def test_a_switch_whose_proof_broke_and_that_cannot_be_taken_back_is_in_the_record(
    stage: Stage,
) -> None:
    def change(asked: EndpointChange) -> ProfileState | Refused:
        if asked.endpoint.name == "east" and asked.enabled:
            return forbidden()
        return stage.cast.set_endpoint(asked, stage.clock.now())

    stage.answers(set_endpoint=change, look_at_path=RuntimeError("a bug"))
    stage.begin(night())
    assert "users may be at either end" in stage.run_to_end().because
    report = stage.draft.evidence.traffic
    assert report is not None
    assert report.after is not None
    assert enabled(report.after) == {"east": False, "west": True}
    assert report.switched_at == stage.called("set_endpoint")[1].at


def test_a_refused_switch_leaves_the_profile_as_it_was(stage: Stage) -> None:
    stage.answers(set_endpoint=forbidden())
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "set_endpoint was refused" in end.because
    assert enabled(stage.cast.profile) == {"east": True, "west": False}


@pytest.mark.parametrize("when", ["read_profile", "look_at_path"])
def test_a_throttle_in_the_switch_is_waited_out(stage: Stage, when: str) -> None:
    stage.answers(**{when: [throttled(30), None]})
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    first, second = stage.called(when)[:2]
    assert second.at - first.at == timedelta(seconds=30)


@pytest.mark.parametrize("after", [0, 1])
def test_a_fault_of_our_own_in_the_switch_is_put_back_like_any_other(
    stage: Stage, after: int
) -> None:
    turns = iter(range(10))

    def change(asked: EndpointChange) -> Reply:
        if next(turns) == after:
            return RuntimeError("a bug")
        return stage.cast.set_endpoint(asked, stage.clock.now())

    stage.answers(set_endpoint=change)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert enabled(stage.cast.profile) == {"east": True, "west": False}
    report = stage.draft.evidence.traffic
    assert report is not None
    assert report.restored
    assert "a bug" in (report.trouble or "")
    assert stage.lock()["holder"] is None


def test_a_fault_of_our_own_after_the_source_was_closed_is_put_back(stage: Stage) -> None:
    stage.answers(look_at_path=RuntimeError("a bug"))
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN
    assert stage.changes() == [("west", ON), ("east", OFF), ("east", ON), ("west", OFF)]
