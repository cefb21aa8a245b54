"""What the app's setting REACH leaves out is no plan's to ask, from the first look at the plan to the run."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.world import world

NAMES = "*.example.com,shop.trafficmanager.net,10.1.0.0/16,10.2.0.0/16"


def test_a_plan_that_names_more_than_any_plan_may_starts_nothing(tmp_path: Path) -> None:
    with world(tmp_path, stores={"REACH": NAMES}) as w:
        refused = w.http.post("/api/plans/shop/failover", json={})
        assert refused.status_code == 422
        (mistake,) = refused.json()["mistakes"]
        assert mistake["what"].startswith("10.9.0.0/16 is beyond the app's setting REACH")
        checked = w.http.post(
            "/api/plans/check", json={"text": (tmp_path / "plans/shop.yaml").read_text()}
        )
        assert checked.status_code == 422
        assert checked.json()["mistakes"] == [mistake]
        assert w.accepted() == []


def test_within_what_plans_may_name_the_shop_fails_over(tmp_path: Path) -> None:
    with world(tmp_path, stores={"REACH": f"{NAMES},10.9.0.0/16"}) as w:
        shown = w.approved_to_the_end(w.fail_over())
        assert shown["outcome"] == "COMPLETED", shown["because"]
