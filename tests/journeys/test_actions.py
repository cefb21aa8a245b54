"""What a plan has done around its tiers, and what people say to what failed, through the app's own doors."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.adapters.test_automation import ACCOUNT, with_runbooks
from tests.journeys.world import ALICE, Json, World, world

FAILOVER = "protectedItems/unplannedFailover"


def say(w: World, run: str, verb: str, step: str | None = None) -> httpx.Response:
    return w.http.post(f"/api/runs/{run}/controls", json={"verb": verb, "step": step})


def until_waits(w: World, run: str, gate: str) -> Json:
    """Let time go on until a step of the run waits, and return its question."""
    w.host.run_until(lambda: (w.show(run)["waitsFor"] or {}).get("gate") == gate)
    shown = w.show(run)
    assert shown["state"] == "waiting"
    waits: Json = shown["waitsFor"]
    return waits


def test_a_runbook_a_person_and_a_call_do_their_part_and_the_evidence_shows_it(
    tmp_path: Path,
) -> None:
    def acting(plan: Json) -> None:
        db, app, _ = plan["tiers"]
        plan["reach"].append("10.2.2.4")  # its network would not do, for data is sent
        warm = {"account": ACCOUNT, "name": "Warm-Caches", "context": True}
        db["pre_actions"] = [{"name": "warm", "runbook": warm}]
        db["post_actions"] = [{"name": "licence", "manual": "Move the licence."}]
        app["post_actions"] = [
            {"name": "announce", "http": {"url": "http://10.2.2.4:8080/healthz", "body": "{}"}},
            {"name": "at-home", "wait": "PT1H", "on": ["failback"]},
        ]

    with world(tmp_path, acting, with_runbooks) as w:
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        waits = until_waits(w, run, "db.licence")
        assert waits["says"] == "Move the licence."
        assert w.decide(run, by=ALICE).status_code == 202, "nothing is approved here"
        shown = w.until_ended(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        record = w.evidence(run)
        told = [(a["tier"], a["name"], a["kind"], a["outcome"]) for a in record["actions"]]
        assert told == [
            ("db", "warm", "runbook", "done"),
            ("db", "licence", "manual", "done"),
            ("app", "announce", "http", "done"),
        ]
        assert record["actions"][0]["output"] == "3 caches are warm"
        assert w.accepted()[0] == ("automationJobs/create", "Warm-Caches")
        assert record["timing"]["actions"] >= 90
        page = w.http.get(f"/api/runs/{run}/evidence?format=md").text
        assert "db.warm" in page


def test_a_lost_tier_is_tried_again_by_a_persons_word_and_only_where_it_waits_for_one(
    tmp_path: Path,
) -> None:
    def asking(plan: Json) -> None:
        plan["policy"]["on_failure"] = "ask"

    with world(tmp_path, asking) as w:
        w.azure.faults.add("capacity_refused", operation=FAILOVER, item="app-prod-01", times=2)
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        assert say(w, run, "retry", "app").status_code == 409, "nothing waits for a word"
        waits = until_waits(w, run, "app")
        assert waits["verbs"] == ["retry", "skip", "stop"]
        wrong = say(w, run, "skip", "web")
        assert wrong.status_code == 409
        assert "name one that does: app" in wrong.text
        assert say(w, run, "retry", "app").status_code == 202
        assert say(w, run, "skip", "app").status_code == 409, "the first word counts"
        shown = w.until_ended(run)
        record = w.evidence(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        assert any("had tier app tried again" in d for d in record["deviations"])
        assert "app-prod-01: arrived after 3 attempts" in record["deviations"]
        assert w.accepted().count((FAILOVER, "db-prod-01")) == 1
        assert w.accepted().count((FAILOVER, "app-prod-01")) == 3


def test_users_stay_where_a_person_skips_a_tier_whose_machine_is_lost(tmp_path: Path) -> None:
    def asking(plan: Json) -> None:
        plan["policy"]["on_failure"] = "ask"
        plan["tiers"][2]["gate"] = None  # the web tier needs the one that is skipped

    with world(tmp_path, asking) as w:
        w.azure.faults.add("job_failed", operation=FAILOVER, item="app-prod-01", times=9)
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        until_waits(w, run, "app")
        assert say(w, run, "skip", "app").status_code == 202
        shown = w.until_ended(run)
        record = w.evidence(run)
        assert shown["outcome"] == "PARTIAL"
        assert f"{ALICE} skipped tier app" in shown["because"]
        assert [t["arrived"] for t in record["tiers"]] == [True, False, True]
        assert record["tiers"][1]["skippedBy"] == ALICE
        assert record["traffic"] is None
        assert w.endpoints_enabled()[-1] == {"east"}
        assert any(f"{ALICE} skipped tier app" in d for d in record["deviations"])
