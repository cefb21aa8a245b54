"""What makes the sweep look earlier, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.notices import Told
from activities.sweep import Round, Swept
from domain.verdict import Colour, Verdict
from tests.orchestrators.stage import START, Stage, forbidden, raised, twice

CHANGE = Verdict(
    plan="shop",
    number=2,
    colour=Colour.RED,
    reasons=("no item",),
    since=START,
    looked_at=START,
    before=Colour.GREEN,
    claim="one",
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with raised(tmp_path) as made:
        made.answers(sweep_readiness=Swept(regions=("eastus",)), note_change=CHANGE)
        made.engine.start_new("keep_readiness", twice({"claim": "one"}), "sweep")
        made.settle()
        yield made


def rounds(stage: Stage) -> list[Round]:
    return [call.request for call in stage.called("sweep_readiness")]


def hear(stage: Stage, number: int, verdict: str) -> None:
    signal: dict[str, Any] = {
        "id": f"s{number}",
        "witness": "replication",
        "verdict": verdict,
        "resource": "/vaults/v",
        "region": "eastus",
        "at": stage.clock.now().isoformat(),
        "summary": "replication health",
        "via": "a test",
    }
    stage.engine.signal_entity("region", "eastus", "observe", twice(signal))
    stage.settle()


def test_it_looks_every_five_minutes_and_listens_to_the_regions_it_was_told_of(
    stage: Stage,
) -> None:
    stage.run_for(901)
    assert [round(call.seconds) for call in stage.called("sweep_readiness")] == [0, 300, 600, 900]
    assert [sorted(asked.marks) for asked in rounds(stage)] == [[], *[["eastus"]] * 3]
    assert {asked.claim for asked in rounds(stage)} == {"one"}


def test_news_of_a_region_change_its_mark_and_the_same_word_again_does_not(stage: Stage) -> None:
    stage.run_for(301)
    hear(stage, 1, "unhealthy")
    stage.run_for(300)
    hear(stage, 2, "unhealthy")
    stage.run_for(300)
    hear(stage, 3, "healthy")
    stage.run_for(300)
    calm, ill, ill_still, well = (asked.marks["eastus"] for asked in rounds(stage)[1:5])
    assert calm == "", "nothing was heard, as before anybody listened"
    assert calm != ill
    assert ill == ill_still
    assert well not in (calm, ill)


def test_a_change_is_told_and_noted_and_tried_again_where_nobody_could_be_told(
    stage: Stage,
) -> None:
    stage.answers(
        sweep_readiness=Swept(untold=(CHANGE,)),
        tell_of_plan=[forbidden(), Told(told=True)],
    )
    stage.run_for(301)
    assert stage.called("note_change") == []
    assert "tell_of_plan was refused" in stage.shown("sweep")["trouble"]
    stage.run_for(300)
    (noted,) = stage.called("note_change")
    assert noted.request.told
    notice = stage.called("tell_of_plan")[-1].request
    assert (notice.kind, notice.plan) == ("Leeward.ReadinessChanged", "shop")
    assert notice.data == {
        "from": "green",
        "to": "red",
        "because": "no item",
        "reasons": ["no item"],
        "since": START.isoformat(),
    }


def test_the_sweep_goes_on_with_a_fresh_history(stage: Stage) -> None:
    stage.run_for(2 * 3600)
    assert len(rounds(stage)) == 25
    assert stage.engine.status("sweep").runtime_status == "Running"
