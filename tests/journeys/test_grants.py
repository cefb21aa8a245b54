"""A grant that is missing in Azure is told before the night that needs it, and refuses nobody's run on that night."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.grants import LISTING
from local.azure.estate import Grant
from tests.journeys.test_sweep import pass_time, told
from tests.journeys.world import Json, World, world
from tests.roles.errands import SOON
from tests.roles.grants import PLACES, grant, grants, plan_apart
from tests.roles.table import IDENTITIES

AT = {place: PLACES[place][0] for place in ("vault", "profile")}
FIRST = {
    "vault": "replicationProtectedItems/unplannedFailover/action",
    "profile": "externalEndpoints/write",
}
MEND = "assign it the role Leeward Failover Operator there, as `azd provision` does"
NOTHING: Json = {"missing": [], "toKnow": [], "unread": []}


def granted(estate: Json) -> None:
    """Let each identity do what the templates give it, and nothing else."""
    grant(estate, IDENTITIES)
    estate["durations"] = SOON


def as_before(estate: Json) -> None:
    """Give the roles of a version that did not ask yet what it may do."""
    granted(estate)
    for identity in estate["identities"]:
        for one in identity["may"]:
            one["actions"] = [action for action in one["actions"] if action != LISTING]


def readiness(w: World, kind: str = "failover") -> Json:
    found: Json = w.http.get(f"/api/plans/shop/readiness?kind={kind}").json()
    return found


def names(said: str, place: str) -> bool:
    return all(
        part in said for part in ("the identity failover may not do", FIRST[place], AT[place], MEND)
    )


def give_back(w: World, place: str) -> None:
    """Give the identity that fails over what the templates give it there."""
    actions = dict(grants("failover", IDENTITIES))[place]
    w.azure.permissions.give("failover", Grant(place, tuple(actions)))


def listings(w: World) -> int:
    return sum(record.operation == "permissions/list" for record in w.azure.requests)


@pytest.mark.parametrize("place", ["vault", "profile"])
def test_a_grant_that_was_taken_away_is_red_until_it_is_given_back(
    tmp_path: Path, place: str
) -> None:
    start = datetime(2026, 3, 14, 2, 58, tzinfo=UTC)
    with world(tmp_path, plan_apart, granted, False, start=start, timers=["keep_sweep"]) as w:
        whole = readiness(w)
        assert (whole["ready"], whole["grants"], whole["warnings"]) == (True, NOTHING, [])
        assert readiness(w, "drill")["grants"] == NOTHING
        pass_time(w, 20)
        assert told(w, "Leeward.ReadinessChanged") == []

        w.azure.permissions.take("failover", AT[place])
        found = readiness(w)
        assert not found["ready"] and found["blockers"] == []
        assert names(found["grants"]["missing"][0], place)
        pass_time(w, 20)
        (change,) = told(w, "Leeward.ReadinessChanged")
        assert (change["from"], change["to"]) == ("green", "red")
        assert names(change["reasons"][0], place)
        (verdict,) = w.http.get("/api/readiness").json()["verdicts"]
        assert (verdict["colour"], names(verdict["reasons"][0], place)) == ("red", True)

        give_back(w, AT[place])
        pass_time(w, 20)
        assert told(w, "Leeward.ReadinessChanged")[1]["to"] == "green"
        again = readiness(w)
        assert (again["ready"], again["grants"]) == (True, NOTHING)


def test_a_run_goes_on_over_a_grant_that_was_not_listed_and_says_so(tmp_path: Path) -> None:
    with world(tmp_path, plan_apart, granted) as w:
        for place in AT.values():
            w.azure.permissions.take("failover", place)
        run = w.fail_over()
        asked = w.until_asked(run)
        assert all(names(asked["says"], place) for place in AT), "whoever approves knows it"
        facts = [fact["what"] for fact in w.show(run)["facts"]]
        assert sum("goes on all the same, but the identity failover" in f for f in facts) == 2
        assert listings(w) == 3, "vault, profile, and the observer as the witness"
        for place in AT.values():
            give_back(w, place)
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        assert listings(w) == 3, "nobody is asked twice in a run"
        record = w.evidence(run)
        assert record["readiness"]["ready"]
        missing = record["readiness"]["grants"]["missing"]
        assert names(missing[0], "vault") and names(missing[1], "profile")
        assert [d for d in record["deviations"] if d in missing] == missing
        page = w.http.get(f"/api/runs/{run}/evidence?format=md").text
        assert "Ready but for grants that Azure did not list" in page


@pytest.mark.parametrize("trouble", ["silent", "refused"])
def test_a_list_that_cannot_be_had_is_a_warning_and_changes_nothing_else(
    tmp_path: Path, trouble: str
) -> None:
    estate = granted if trouble == "silent" else as_before
    with world(tmp_path, plan_apart, estate) as w:
        if trouble == "silent":
            w.azure.faults.add("lost", operation="permissions/list", times=None)
        found = readiness(w)
        assert found["ready"] and found["blockers"] == found["warnings"] == []
        assert found["grants"]["missing"] == []
        said = (*found["grants"]["toKnow"], *found["grants"]["unread"])
        words = {
            "silent": "could not be read (no_answer)",
            "refused": "or the roles in Azure are older than this app",
        }
        assert said and all(words[trouble] in each for each in said)
        before = listings(w)
        assert before == (1 if trouble == "silent" else 5)

        ended = w.approved_to_the_end(w.fail_over())
        assert ended["outcome"] == "COMPLETED", ended["because"]
        assert listings(w) - before == (1 if trouble == "silent" else 3)
        grants = w.evidence(ended["run"])["readiness"]["grants"]
        assert grants["missing"] == [] and words[trouble] in str(grants)
