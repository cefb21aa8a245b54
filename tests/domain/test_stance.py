"""Hysteresis: what must last, what resets it, and what takes the automation away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.outlook import Outlook, Watched, outlook_of
from domain.plan import Plan
from domain.policy import AutomationMode
from domain.signals import ON_PURPOSE, Signal, Verdict, Witness
from domain.stance import KEPT_VERDICTS, Stance, look
from tests.domain.test_quorum import VANTAGE
from tests.plan_samples import plan, tier

NIGHT = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)
STEP = 0.5
MET = Outlook(words=(), met=True, cut_off=False)
CALM = Outlook(words=(), met=False, cut_off=False)
ISOLATED = Outlook(words=(), met=False, cut_off=True)


def auto(**changes: Any) -> Plan:
    signals = {"vantage": VANTAGE, "cooldown": "PT1H", **changes}
    return plan(
        signals=signals,
        policy={"automation": {"mode": "auto_after"}},
        tiers=[tier("db", "db-1", "db-2", "db-3")],
    )


WATCHED = Watched.of(auto())


class Story:
    """A plan's stance through a story of looks."""

    def __init__(self, watched: Watched = WATCHED) -> None:
        self.watched = watched
        self.at = NIGHT
        self.stance = Stance()
        self.incidents: list[str] = []

    def looks(self, outlook: Outlook, minutes: float) -> Stance:
        """Look every half minute for that long."""
        for _ in range(int(minutes / STEP)):
            self.skip(STEP)
            self.stance = look(self.stance, self.watched, outlook, self.at)
            incident = self.stance.incident
            if incident and incident.id not in self.incidents:
                self.incidents.append(incident.id)
        return self.stance

    def skip(self, minutes: float) -> None:
        """Let time go by without a look."""
        self.at += timedelta(minutes=minutes)


@pytest.fixture
def story() -> Iterator[Story]:
    yield Story()


def test_a_quorum_opens_an_incident_when_it_has_lasted_and_not_before(story: Story) -> None:
    story.looks(CALM, 2)
    assert story.looks(MET, 5).incident is None
    incident = story.looks(MET, STEP).incident
    assert incident is not None
    assert incident.opened_at - incident.since == timedelta(minutes=5)
    assert (incident.automation, incident.held_back) == (AutomationMode.AUTO_AFTER, None)


def test_one_look_without_a_quorum_begins_the_count_anew(story: Story) -> None:
    story.looks(MET, 4.5)
    story.looks(CALM, STEP)
    assert story.looks(MET, 5).incident is None


def test_being_cut_off_sustains_nothing_and_ends_nothing(story: Story) -> None:
    story.looks(MET, 4.5)
    story.looks(ISOLATED, STEP)
    assert story.looks(MET, 5).incident is None
    assert story.looks(MET, STEP).incident is not None
    assert story.looks(ISOLATED, 60).incident is not None


def test_where_nobody_looked_nothing_was_sustained(story: Story) -> None:
    story.looks(MET, 4)
    story.skip(2)
    assert story.looks(MET, 3).incident is None
    assert story.looks(MET, 2.5).incident is not None
    story.looks(CALM, 14)
    story.skip(3)
    assert story.looks(CALM, 14).incident is not None


def test_an_incident_is_over_when_the_calm_has_lasted(story: Story) -> None:
    story.looks(MET, 6)
    story.looks(CALM, 14)
    story.looks(MET, STEP)
    assert story.looks(CALM, 15).incident is not None, "it came back in between"
    assert story.looks(CALM, STEP).incident is None
    assert len(story.incidents) == 1


def test_a_look_that_comes_again_or_late_changes_nothing(story: Story) -> None:
    before = story.looks(MET, 4)
    assert look(before, WATCHED, CALM, story.at) == before
    assert look(before, WATCHED, CALM, story.at - timedelta(minutes=1)) == before


def test_in_the_cooldown_an_incident_still_opens_but_a_person_decides(story: Story) -> None:
    story.looks(MET, 6)
    story.looks(CALM, 16)
    incident = story.looks(MET, 6).incident
    assert incident is not None
    assert incident.automation is AutomationMode.MANUAL
    assert "within the cooldown of 1 h" in str(incident.held_back)
    assert "A person decides, because the last incident" in incident.verdict
    story.looks(CALM, 80)
    after = story.looks(MET, 6).incident
    assert after is not None
    assert after.automation is AutomationMode.AUTO_AFTER


def test_a_region_that_flaps_is_locked_to_a_person() -> None:
    story = Story(Watched.of(auto(cooldown="PT1S", flaps={"limit": 2, "within": "P1D"})))
    modes, reasons = [], []
    for _ in range(4):
        story.looks(CALM, 16)
        incident = story.looks(MET, 6).incident
        assert incident is not None
        modes.append(incident.automation)
        reasons.append(incident.held_back)
    assert modes == [AutomationMode.AUTO_AFTER] * 2 + [AutomationMode.MANUAL] * 2
    assert reasons[2:] == ["more than 2 incidents opened within 24 h: the region flaps"] * 2


def test_a_plan_that_observes_is_not_made_to_act_by_a_lock() -> None:
    watched = WATCHED.model_copy(update={"automation": AutomationMode.OBSERVE})
    story = Story(watched)
    for _ in range(2):
        story.looks(MET, 6)
        story.looks(CALM, 16)
    story.looks(MET, 6)
    assert story.stance.incident is not None
    assert story.stance.incident.automation is AutomationMode.OBSERVE


def test_what_was_said_is_kept_where_it_changes_and_bounded(story: Story) -> None:
    story.looks(CALM, 10)
    assert len(story.stance.said) == 1
    for _ in range(KEPT_VERDICTS):
        story.looks(MET, STEP)
        story.looks(CALM, STEP)
    assert len(story.stance.said) == KEPT_VERDICTS
    seqs = [said.seq for said in story.stance.said]
    assert seqs == list(range(seqs[0], seqs[0] + KEPT_VERDICTS))


# -- what the signals of a region mean ---------------------------------------------------------


def signal(
    witness: Witness,
    about: str,
    verdict: Verdict = Verdict.UNHEALTHY,
    minutes: float = 0,
    aspect: str = "",
) -> Signal:
    return Signal(
        id=f"{witness.value} {about} {minutes}",
        witness=witness,
        verdict=verdict,
        resource=about,
        region="eastus",
        at=NIGHT + timedelta(minutes=minutes),
        summary="said",
        via="test",
        aspect=aspect,
    )


def judged(*signals: Signal, watched: Watched = WATCHED) -> Outlook:
    return outlook_of(watched, {s.key: s.wire() for s in signals}, NIGHT + timedelta(minutes=1))


def probes(*verdicts: Verdict) -> list[Signal]:
    points = ("here", "centralus", "northeurope")
    return [
        signal(Witness.SYNTHETIC, WATCHED.vantage(point), verdict)
        for point, verdict in zip(points, verdicts, strict=True)
    ]


DARK = probes(*[Verdict.UNHEALTHY] * 3)
DEGRADED = signal(Witness.TRAFFIC_MANAGER, WATCHED.endpoint)


def machines(count: int, **more: Any) -> list[Signal]:
    return [signal(Witness.RESOURCE_HEALTH, vm, **more) for vm in WATCHED.machines[:count]]


def test_two_classes_and_two_thirds_of_the_vantage_points_are_a_quorum() -> None:
    assert judged(*DARK, DEGRADED).met
    assert not judged(*DARK).met, "one class"
    two = probes(Verdict.UNHEALTHY, Verdict.UNHEALTHY, Verdict.HEALTHY)
    one = probes(Verdict.UNHEALTHY, Verdict.HEALTHY, Verdict.HEALTHY)
    assert judged(*two, DEGRADED).met
    assert not judged(*one, DEGRADED).met


def test_whatever_others_say_leewards_own_probes_must_agree() -> None:
    hearsay = [DEGRADED, *machines(3), signal(Witness.SERVICE_HEALTH, "servicehealth/1")]
    assert judged(*DARK, *hearsay).met
    assert not judged(*probes(*[Verdict.HEALTHY] * 3), *hearsay).met
    assert not judged(*hearsay).met, "unknown is not unhealthy"


def test_a_vantage_point_that_is_cut_off_counts_for_nothing_and_all_of_them_stop_the_decision() -> (
    None
):
    some = probes(Verdict.UNHEALTHY, Verdict.UNHEALTHY, Verdict.UNKNOWN)
    assert judged(*some, DEGRADED).met
    assert not judged(*some, DEGRADED).cut_off
    few = probes(Verdict.UNHEALTHY, Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert not judged(*few, DEGRADED).met
    none = judged(*probes(*[Verdict.UNKNOWN] * 3), DEGRADED, *machines(3))
    assert none.cut_off and not none.met


def test_being_cut_off_stops_a_plan_too_whose_own_probes_do_not_count() -> None:
    others = {"vantage": VANTAGE, "classes": ["traffic_manager", "resource_health"]}
    watched = Watched.of(plan(signals=others, tiers=[tier("db", "db-1", "db-2", "db-3")]))
    hearsay = [DEGRADED, *machines(3)]
    assert judged(*hearsay, watched=watched).met
    cut_off = judged(*probes(*[Verdict.UNKNOWN] * 3), *hearsay, watched=watched)
    assert cut_off.cut_off and not cut_off.met


def test_words_that_are_too_old_count_for_nothing() -> None:
    stale = [s.model_copy(update={"at": NIGHT - timedelta(minutes=3)}) for s in (*DARK, DEGRADED)]
    assert not judged(*stale).met
    old = machines(3, minutes=-300)
    assert judged(*DARK, *old).met, "a machine stays as it was last said to be"
    assert not judged(*DARK, *machines(3, minutes=-400)).met


def test_half_of_the_machines_speak_for_the_region_and_one_explains_a_closed_front_door() -> None:
    assert judged(*DARK, *machines(2)).met
    one = judged(*DARK, DEGRADED, *machines(1))
    assert one.explained and not one.met
    assert judged(*DARK, DEGRADED, *machines(1), signal(Witness.SERVICE_HEALTH, "s/1")).met


def test_what_was_stopped_on_purpose_is_no_outage() -> None:
    stopped = machines(3, verdict=Verdict.UNKNOWN, minutes=-1, aspect=ON_PURPOSE)
    judgement = judged(*DARK, DEGRADED, *machines(3), *stopped)
    assert judgement.explained and not judgement.met
    long_ago = machines(3, verdict=Verdict.UNKNOWN, minutes=-20, aspect=ON_PURPOSE)
    assert judged(*DARK, *machines(3), *long_ago).met


def test_what_another_plan_is_told_of_is_no_word_on_this_one() -> None:
    others = [signal(Witness.SYNTHETIC, f"plans/other/from/{p}") for p in ("here", "centralus")]
    foreign = signal(Witness.TRAFFIC_MANAGER, f"{WATCHED.endpoint}-other")
    assert judged(*others, foreign, *machines(3)).against == judged(*machines(3)).against
