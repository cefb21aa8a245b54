"""The API says no in one shape and for the right reason, and never falls over."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.journeys.world import ALICE, BOB
from tests.triggers.conftest import Doors
from triggers.api import CSP

MALFORMED = [
    "..%2Fshop",
    "a%3Fb",
    "a%23b",
    "-x",
    "a" * 101,
    "a%00b",
    "a%20b",
    "@lock@shop",
]


def problem(answer: httpx.Response, status: int) -> str:
    """Check the shape of a refusal and return its reason."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    said = answer.json()
    assert said["type"] == "about:blank"
    assert said["status"] == status
    assert said["title"]
    assert "Traceback" not in answer.text
    assert "File " not in answer.text
    return str(said["detail"])


# -- asking for a failover -----------------------------------------------------------------


def test_a_failover_is_accepted_with_its_run_and_where_to_look(doors: Doors) -> None:
    answer = doors.ask(reason="the region is down")
    assert answer.status_code == 202
    run = answer.json()["run"]
    assert answer.json() == {"run": run, "href": f"/api/runs/{run}"}
    assert answer.headers["location"] == f"/api/runs/{run}"
    doors.world.host.settle()
    shown = doors.world.show(run)
    assert shown["run"] == run
    assert f"asked for by {ALICE}" in shown["facts"][0]["what"]


def test_an_unknown_plan_is_404_and_names_the_plans_there_are(doors: Doors) -> None:
    said = problem(doors.http.post("/api/plans/nowhere/failover"), 404)
    assert said.startswith("there is no plan 'nowhere'; plans are ")
    assert doors.plan in said


@pytest.mark.parametrize("name", ["..%2Fshop", "shop%00", "%2e%2e%2fetc%2fpasswd", "SHOP", "*"])
def test_a_plan_name_is_never_a_path(doors: Doors, name: str) -> None:
    assert doors.http.post(f"/api/plans/{name}/failover").status_code == 404


def test_an_invalid_plan_is_422_with_its_mistakes_by_line(doors: Doors) -> None:
    path = doors.plans / f"{doors.plan}.yaml"
    path.write_text(path.read_text().replace("region: westus", "region: westsu"))
    answer = doors.ask()
    assert problem(answer, 422) == "the plan is not valid"
    mistakes = answer.json()["mistakes"]
    assert mistakes
    assert all(isinstance(m["line"], int) and m["line"] > 1 for m in mistakes)
    assert any("did you mean westus" in m["what"] for m in mistakes)
    assert not doors.runs()


def test_a_busy_application_is_409_with_the_holder(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    answer = doors.ask()
    assert problem(answer, 409) == f"{doors.plan} is held by run {run}"
    assert answer.json()["holder"] == run
    assert doors.runs() == [run]


def test_an_application_is_free_again_when_its_run_has_ended(doors: Doors) -> None:
    run = doors.started()
    assert doors.world.decide(run, "reject").status_code == 202
    assert doors.world.until_ended(run)["outcome"] == "DECLINED"
    assert doors.ask().status_code == 202


def test_a_lock_that_a_dead_run_left_behind_is_freed(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    doors.world.host.engine.terminate(run, "killed by an operator")
    doors.world.host.settle()
    assert doors.world.show(run)["outcome"] == "CANCELLED"
    again = doors.started()
    doors.world.until_asked(again)
    assert doors.entity("lock", doors.plan)["holder"] == again


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"reason": NaN}',
        b'{"reason": 7}',
        b'{"reason": "' + b"x" * 501 + b'"}',
        b'{"raeson": "typo"}',
        b'{"\\ud800": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:14]),
)
def test_a_bad_body_is_400_and_starts_nothing(doors: Doors, body: bytes) -> None:
    problem(doors.http.post(f"/api/plans/{doors.plan}/failover", content=body), 400)
    assert not doors.runs()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"reason": "because"}'])
def test_a_reason_may_be_given_or_left_out(doors: Doors, body: bytes) -> None:
    answer = doors.http.post(f"/api/plans/{doors.plan}/failover", content=body)
    assert answer.status_code == 202


# -- looking at a run ----------------------------------------------------------------------


@pytest.mark.parametrize("run", ["nothing", *MALFORMED])
@pytest.mark.parametrize("door", ["", "/decisions", "/evidence"])
def test_an_unknown_or_malformed_run_is_404(doors: Doors, run: str, door: str) -> None:
    path = f"/api/runs/{run}{door}"
    answer = doors.http.post(path, json={}) if door == "/decisions" else doors.http.get(path)
    problem(answer, 404)


@pytest.mark.parametrize("tail", ["%3Fx%3D1", "%23x", "%2F..%2F", ".", "%2Fx"])
def test_nothing_may_be_smuggled_behind_a_runs_id(doors: Doors, tail: str) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    assert doors.http.get(f"/api/runs/{run}{tail}").status_code == 404


def test_the_children_of_a_run_are_no_runs(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    problem(doors.http.get(f"/api/runs/{run}.approval"), 404)
    assert doors.world.decide(run, "reject").status_code == 202
    doors.world.until_ended(run)
    problem(doors.http.get(f"/api/runs/{run}.approval"), 404)
    problem(doors.decide(f"{run}.approval"), 404)


def test_a_run_shows_what_it_waits_for_and_how_it_ended(doors: Doors) -> None:
    run = doors.started()
    waits = doors.world.until_asked(run)
    assert (waits["needed"], waits["got"], waits["approvedBy"]) == (1, 0, [])
    assert any("enables west, disables east" in said for said in waits["covers"])
    assert doors.world.show(run)["state"] == "waiting"
    assert "outcome" not in doors.world.show(run)
    doors.world.decide(run, "reject")
    shown = doors.world.until_ended(run)
    assert (shown["state"], shown["outcome"], shown["waitsFor"]) == ("ended", "DECLINED", None)
    assert shown["evidence"] == f"/api/runs/{run}/evidence"
    assert [fact["at"] for fact in shown["facts"]] == sorted(f["at"] for f in shown["facts"])


# -- deciding ------------------------------------------------------------------------------


def test_one_cannot_decide_about_ones_own_run(doors: Doors) -> None:
    run = doors.started()
    digest = doors.world.until_asked(run)["digest"]
    said = problem(doors.decide(run, by=ALICE, digest=digest, verdict="approve"), 409)
    assert "somebody else must" in said
    assert doors.world.show(run)["state"] == "waiting"


def test_a_person_who_has_changed_name_is_the_same_person(doors: Doors) -> None:
    run = doors.started()
    digest = doors.world.until_asked(run)["digest"]
    married = doors.world.azure.directory.token(ALICE, preferred_username="al@shop.example")
    body = {"gate": "approval", "verdict": "approve", "digest": digest}
    said = doors.http.post(
        f"/api/runs/{run}/decisions", json=body, headers={"Authorization": f"Bearer {married}"}
    )
    assert problem(said, 409).startswith("al@shop.example asked for this run")


def test_somebody_else_of_the_same_name_is_somebody_else(doors: Doors) -> None:
    run = doors.started()
    digest = doors.world.until_asked(run)["digest"]
    namesake = doors.world.azure.directory.token(BOB, preferred_username=ALICE)
    body = {"gate": "approval", "verdict": "reject", "digest": digest}
    said = doors.http.post(
        f"/api/runs/{run}/decisions", json=body, headers={"Authorization": f"Bearer {namesake}"}
    )
    assert said.status_code == 202
    doors.world.until_ended(run)
    (decision,) = doors.world.evidence(run)["decisions"]
    assert decision["by"] == ALICE
    assert decision["byId"] not in ("", doors.world.evidence(run)["run"]["requestedById"])


def test_a_decision_about_another_plan_is_409(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    assert "another digest" in problem(doors.decide(run, digest="0" * 64), 409)


def test_a_decision_at_a_gate_nobody_opened_is_409(doors: Doors) -> None:
    run = doors.started()
    digest = doors.world.until_asked(run)["digest"]
    assert "asks nothing at gate commit" in problem(
        doors.decide(run, gate="commit", digest=digest), 409
    )


def test_the_second_decision_is_409_and_so_is_one_after_the_end(doors: Doors) -> None:
    run = doors.started()
    digest = doors.world.until_asked(run)["digest"]
    first = doors.decide(run, digest=digest)
    assert first.status_code == 202
    came_to = {"gate": "approval", "needed": 1, "got": 0, "approvedBy": [], "settled": True}
    assert first.json() == {"run": run, "href": f"/api/runs/{run}", **came_to}
    doors.world.until_ended(run)
    assert problem(doors.decide(run, digest=digest), 409) == f"run {run} has ended"
    assert len(doors.entity("desk", run)["gates"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"gate": "approval", "verdict": "maybe", "digest": ""},
        {"gate": "approval", "verdict": "approve"},
        {"gate": "x" * 101, "verdict": "approve", "digest": ""},
        {"gate": "approval", "verdict": "approve", "digest": "x" * 65},
        {"gate": "approval", "verdict": "approve", "digest": "", "by": "bob"},
        {"gate": ["approval"], "verdict": "approve", "digest": ""},
        [],
    ],
)
def test_a_malformed_decision_is_400(doors: Doors, body: Any) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    answer = doors.http.post(f"/api/runs/{run}/decisions", json=body, headers=doors.world.by(BOB))
    problem(answer, 400)
    assert doors.world.show(run)["state"] == "waiting"


# -- evidence ------------------------------------------------------------------------------


def test_evidence_is_kept_in_three_forms_and_not_before_the_end(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    assert problem(doors.http.get(f"/api/runs/{run}/evidence"), 404).endswith("no evidence yet")
    doors.world.decide(run, "reject")
    doors.world.until_ended(run)
    for kind, media in (
        ("json", "application/json"),
        ("html", "text/html; charset=utf-8"),
        ("md", "text/markdown; charset=utf-8"),
    ):
        answer = doors.http.get(f"/api/runs/{run}/evidence?format={kind}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert run in answer.text
    assert doors.world.evidence(run)["run"]["id"] == run


@pytest.mark.parametrize("page", ["approval", "evidence"])
def test_a_page_is_shut_off_from_everything_around_it(doors: Doors, page: str) -> None:
    path = "/api/approval/some-run"
    if page == "evidence":
        run = doors.started()
        doors.world.decide(run, "reject")
        doors.world.until_ended(run)
        path = f"/api/runs/{run}/evidence?format=html"
    answer = doors.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers[CSP].split(";"))
    for directive in ("default-src", "frame-ancestors", "base-uri"):
        assert policy[directive] == "'none'"
    assert policy["form-action"] in ("'none'", "'self'")
    assert policy.get("script-src", "'sha256-").startswith("'sha256-")
    assert "'unsafe" not in policy.get("script-src", "")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_evidence_that_cannot_be_read_now_is_503_and_not_unknown(doors: Doors) -> None:
    (doors.evidence / "any-run" / "evidence.json").mkdir(parents=True)
    answer = doors.http.get("/api/runs/any-run/evidence")
    assert "the log tells more" in problem(answer, 503)
    assert answer.headers["retry-after"] == "10"


@pytest.mark.parametrize("kind", ["pdf", "", "../json", "x" * 5000])
def test_a_form_that_is_not_kept_is_400(doors: Doors, kind: str) -> None:
    answer = doors.http.get("/api/runs/any/evidence", params={"format": kind})
    assert "ask for json, html, md" in problem(answer, 400)
