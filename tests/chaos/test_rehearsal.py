"""A few seeded drills with every run of the suite; ``make chaos SEEDS=1000`` lives through more."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azure.faults import KINDS
from tests.chaos.interrupted import Interrupted
from tests.chaos.judged import judge
from tests.chaos.rehearsal import ASKED, CLEAN_UP, TROUBLES, approve, rehearse
from tests.journeys.world import world


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 4 * len(TROUBLES), 33))
def test_no_promise_of_a_drill_breaks_whatever_happens_on_the_way(seed: int) -> None:
    verdict = rehearse(seed)
    assert not verdict.broken, verdict


def test_every_kind_of_trouble_strikes_every_operation_that_a_drill_uses(tmp_path: Path) -> None:
    assert {trouble["kind"] for trouble in TROUBLES} == set(KINDS)
    with world(tmp_path, region_down=False) as w:
        w.azure.faults.add("job_stuck", operation=CLEAN_UP, item="db-prod-01")
        w.azure.faults.add("job_failed", operation=CLEAN_UP, item="app-prod-01")
        night = Interrupted(w, w.ask("shop", "drill"))
        night.play(approve)
        used = {record.operation for record in w.azure.requests}
    besides = {"token/get", "events/publish", "directory/discovery", "directory/keys"}
    assert used - besides == set(ASKED)


def test_the_judge_sees_what_a_drill_must_not_do(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        night = Interrupted(w, w.ask("shop", "drill"))
        night.play(approve)
        assert judge(night) == ("COMPLETED", [])
        item = next(iter(w.azure.replication.items.values()))
        made = w.azure.replication.arrivals.make_test(item, "", "again", w.clock.now())
        w.azure.set_region("westus", down=True)
        production = next(m for m in w.azure.world.machines if m.facts.name == "web-prod-01")
        w.azure.world.power_off(production, w.clock.now())
        _, broken = judge(night)
        assert made.exists(w.clock.now())
    assert [line.split(" ")[0] for line in broken] == ["production", *["I4"] * 4]
    assert "machines stood as" in broken[0]


def test_a_host_that_dies_forgets_its_turn_and_finds_in_azure_what_it_had_begun(
    tmp_path: Path,
) -> None:
    with world(tmp_path, region_down=False) as w:
        night = Interrupted(w, w.ask("shop", "drill"), deaths=range(1, 40, 2))
        night.play(approve)
        assert judge(night) == ("COMPLETED", [])
        record = w.evidence(night.run)
    assert len(night.died_at) > 10
    moved = [member for tier in record["tiers"] for member in tier["members"]]
    assert any(member["adopted"] for member in [*moved, *record["drill"]["cleaned"]])
