"""A look sees what there is; what cannot be asked or read is unknown, and never unhealthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from activities.lookout import Glance, Lookout
from domain.errors import Transient
from domain.plan import Plan
from domain.run import ProfileState
from domain.signals import Signal, Verdict, Witness
from tests.activities.ports import NetworkInMemory, ProfileInMemory, VaultInMemory, item
from tests.domain.test_quorum import VANTAGE
from tests.plan_samples import plan, tier

AT = datetime(2026, 3, 14, 2, 40, 5, tzinfo=UTC)
CANARY = "GET http://canary.example.com/"
APP = "GET http://east.example.com/"


@dataclass
class Shelf:
    plans: Sequence[Plan]

    def valid(self) -> Sequence[Plan]:
        return self.plans


@dataclass
class Unreadable:
    def profile(self, profile: str) -> ProfileState:
        raise Transient("throttled", "too many requests")


@dataclass
class Outside:
    """A lookout of one plan over ports in memory."""

    points: dict[str, Any]
    traffic: Any = field(default_factory=lambda: ProfileInMemory({"east": True, "west": False}))
    vault: VaultInMemory = field(default_factory=VaultInMemory)

    def look(self, at: datetime = AT, region: str = "eastus", **signals: Any) -> list[Signal]:
        watched = plan(
            signals={"vantage": VANTAGE, **signals}, tiers=[tier("db", "db-1", "db-2", "db-3")]
        )
        lookout = Lookout(Shelf([watched]), self.points, self.traffic, self.vault)
        return list(lookout.look_around(Glance(region=region, at=at)).signals)


def heard(*answering: str) -> NetworkInMemory:
    return NetworkInMemory(frozenset(answering))


def by_point(signals: list[Signal]) -> dict[str, Verdict]:
    probed = (s for s in signals if s.witness is Witness.SYNTHETIC)
    return {s.resource.rsplit("/", 1)[-1]: s.verdict for s in probed}


def test_each_vantage_point_says_what_it_saw_and_one_that_lost_the_canary_says_nothing() -> None:
    points = {"here": heard(APP, CANARY), "centralus": heard(CANARY), "northeurope": heard()}
    signals = Outside(points).look()
    assert by_point(signals) == {
        "here": Verdict.HEALTHY,
        "centralus": Verdict.UNHEALTHY,
        "northeurope": Verdict.UNKNOWN,
    }
    assert {s.at for s in signals} == {AT}
    assert len({s.key for s in signals}) == len(signals)


def test_a_probe_that_was_kept_from_asking_tells_nothing_of_the_region() -> None:
    led_away = NetworkInMemory(frozenset({CANARY}), led_away=frozenset({APP}))
    blind = NetworkInMemory(frozenset({APP}), led_away=frozenset({CANARY}))
    signals = Outside({"here": led_away, "centralus": blind}).look()
    assert by_point(signals) == dict.fromkeys(("here", "centralus", "northeurope"), Verdict.UNKNOWN)


def test_a_vantage_point_that_the_settings_do_not_know_is_unknown() -> None:
    signals = Outside({"here": heard(CANARY)}).look()
    assert by_point(signals)["centralus"] is Verdict.UNKNOWN
    assert any("settings do not say how to reach" in s.summary for s in signals)


def test_traffic_manager_speaks_for_the_source_s_endpoint_alone() -> None:
    (word,) = [s for s in Outside({}).look() if s.witness is Witness.TRAFFIC_MANAGER]
    assert (word.verdict, word.summary) == (Verdict.HEALTHY, "endpoint east is Online")
    disabled = Outside({}, traffic=ProfileInMemory({"east": False, "west": True})).look()
    (word,) = [s for s in disabled if s.witness is Witness.TRAFFIC_MANAGER]
    assert word.verdict is Verdict.UNKNOWN, "a disabled endpoint is not probed"


def test_what_cannot_be_read_is_left_out_and_the_look_goes_on() -> None:
    signals = Outside({"here": heard(APP, CANARY)}, traffic=Unreadable()).look()
    assert {s.witness for s in signals} == {Witness.SYNTHETIC}
    assert by_point(signals)["here"] is Verdict.HEALTHY


def test_replication_is_asked_for_now_and_then_where_it_counts() -> None:
    vault = VaultInMemory().hold(item("db-1", health="Critical"), item("db-2"))
    outside = Outside({}, vault=vault)
    assert not [s for s in outside.look() if s.witness is Witness.REPLICATION]
    counting: dict[str, Any] = {"classes": ["synthetic", "replication"]}
    told = [s for s in outside.look(**counting) if s.witness is Witness.REPLICATION]
    assert {s.resource.rsplit("/", 1)[-1]: s.verdict for s in told} == {
        "db-1": Verdict.UNHEALTHY,
        "db-2": Verdict.HEALTHY,
    }
    between = outside.look(at=AT.replace(minute=42), **counting)
    assert not [s for s in between if s.witness is Witness.REPLICATION]
    assert vault.lists == 1


def test_a_region_that_concerns_no_plan_is_not_looked_at() -> None:
    assert Outside({"here": heard()}).look(region="westeurope") == []
