from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.policy import Automation, AutomationMode
from domain.quorum import Quorum, Vantage
from domain.signals import Witness
from tests.plan_samples import plan

VANTAGE: dict[str, Any] = {
    "probes": [{"http": "http://east.example.com/"}],
    "canary": {"http": "http://canary.example.com/"},
    "points": ["here", "centralus", "northeurope"],
}


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        plan(**changes)
    return str(refused.value)


def test_an_incident_asks_a_person_unless_the_plan_says_otherwise() -> None:
    assert plan().policy.automation == Automation(
        mode=AutomationMode.MANUAL, after=timedelta(minutes=15)
    )
    assert plan().signals == Quorum()


def test_without_vantage_points_nobody_probes() -> None:
    assert Witness.SYNTHETIC not in plan().signals.counted
    assert Witness.SYNTHETIC in plan(signals={"vantage": VANTAGE}).signals.counted


@pytest.mark.parametrize(
    ("points", "share", "needed"),
    [(3, 2 / 3, 2), (3, 0.67, 2), (3, 0.7, 3), (4, 2 / 3, 3), (1, 2 / 3, 1), (10, 0.5, 5)],
)
def test_a_share_of_the_vantage_points_is_rounded_up(
    points: int, share: float, needed: int
) -> None:
    names = [f"point-{n}" for n in range(points)]
    vantage = Vantage.model_validate({**VANTAGE, "points": names, "share": share})
    assert vantage.needed == needed


def test_more_classes_than_can_speak_are_refused() -> None:
    said = refusal(signals={"needed": 4})
    assert "needed: 4 classes can never agree, 3 can speak" in said
    assert "add signals.vantage" in said
    assert plan(signals={"needed": 4, "vantage": VANTAGE}).signals.needed == 4
    few = {"classes": ["metric"], "needed": 2}
    assert "1 can speak (metric); lower needed, or add classes" in refusal(signals=few)


def test_one_witness_named_twice_is_refused() -> None:
    assert "class 'metric' is there twice" in refusal(
        signals={"classes": ["metric", "metric", "synthetic"], "needed": 1}
    )
    doubled = {**VANTAGE, "points": ["here", "here"]}
    assert "vantage point 'here' is there twice" in refusal(signals={"vantage": doubled})


def test_an_outage_is_not_over_sooner_than_it_is_believed() -> None:
    assert "clear is shorter than sustained" in refusal(signals={"clear": "PT4M"})


def test_nothing_moves_by_itself_on_what_leeward_has_not_seen_itself() -> None:
    auto = {"automation": {"mode": "auto_after", "after": "PT10M"}}
    assert "auto_after acts on what Leeward has seen itself" in refusal(policy=auto)
    others = {"vantage": VANTAGE, "classes": ["traffic_manager", "service_health"]}
    assert "auto_after acts on what Leeward has seen itself" in refusal(policy=auto, signals=others)
    alone = {"vantage": VANTAGE, "needed": 1}
    assert "one class would fail over on one false alarm" in refusal(policy=auto, signals=alone)
    assert plan(policy=auto, signals={"vantage": VANTAGE}).policy.automation.after == timedelta(
        minutes=10
    )
