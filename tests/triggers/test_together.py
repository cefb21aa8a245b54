"""A plan is asked for with all it depends on: what cannot go together is refused before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.triggers.conftest import Doors
from tests.triggers.test_api import problem


@pytest.fixture
def written(doors: Doors) -> Iterator[Doors]:
    """Take away the plans that a test wrote beside its own."""
    before = set(doors.plans.iterdir())
    yield doors
    for path in set(doors.plans.iterdir()) - before:
        path.unlink()


def write(doors: Doors, name: str, on: list[str], **changes: Any) -> None:
    """Write a plan like the test's own, under another name."""
    data = yaml.safe_load((doors.plans / f"{doors.plan}.yaml").read_text())
    data |= {"name": name, "depends_on": on, **changes}
    (doors.plans / f"{name}.yaml").write_text(yaml.safe_dump(data))


def ask(doors: Doors, verb: str = "failover", **body: Any) -> httpx.Response:
    return doors.http.post(f"/api/plans/{doors.plan}/{verb}", json=body)


def nothing_began(doors: Doors) -> bool:
    doors.world.host.settle()
    return not any(
        status.instance_id.split("-")[1] == doors.plan
        for status in doors.world.host.engine.query()[0]
    )


def test_a_plan_takes_along_what_it_depends_on_unless_told_not_to(written: Doors) -> None:
    write(written, f"{written.plan}a", [])
    write(written, written.plan, [f"{written.plan}a"])
    answer = ask(written)
    assert answer.status_code == 202, answer.text
    run = answer.json()["run"]
    assert run.startswith(f"umbrella-{written.plan}-")
    shown = written.world.show(run)
    assert shown["kind"] == "umbrella"
    written.world.until_asked(run)
    assert problem(ask(written, with_dependencies=False), 409).endswith(f"is held by run {run}")
    busy = written.http.post(f"/api/plans/{written.plan}a/failover")
    assert busy.json()["holder"] == run
    assert written.world.decide(run, "reject").status_code == 202
    written.world.until_ended(run)
    assert ask(written, with_dependencies=False).json()["run"].startswith("failover-")


def test_a_busy_dependency_is_409_before_anything_starts(written: Doors) -> None:
    write(written, f"{written.plan}a", [])
    write(written, written.plan, [f"{written.plan}a"])
    holder = written.http.post(f"/api/plans/{written.plan}a/failover").json()["run"]
    written.world.until_asked(holder)
    answer = ask(written)
    assert problem(answer, 409) == f"{written.plan}a is held by run {holder}"
    assert answer.json()["holder"] == holder
    assert nothing_began(written)


def test_a_circle_is_422_with_its_mend(written: Doors) -> None:
    write(written, f"{written.plan}a", [written.plan])
    write(written, written.plan, [f"{written.plan}a"])
    said = problem(ask(written), 422)
    shop, other = written.plan, f"{written.plan}a"
    assert f"in a circle: {shop} depends on {other} depends on {shop}; drop one" in said
    assert nothing_began(written)


def test_an_unknown_dependency_is_422_and_names_the_plans_there_are(written: Doors) -> None:
    write(written, written.plan, ["nowhere"])
    said = problem(ask(written), 422)
    assert "depends on 'nowhere': there is no plan 'nowhere'; plans are" in said
    assert said.endswith("mend depends_on")


def test_a_dependency_that_is_not_valid_is_422_with_its_line(written: Doors) -> None:
    write(written, f"{written.plan}a", [])
    path = written.plans / f"{written.plan}a.yaml"
    path.write_text(path.read_text().replace("region: westus", "region: westsu"))
    write(written, written.plan, [f"{written.plan}a"])
    said = problem(ask(written), 422)
    assert f"{written.plan}a, which is depended on, is not valid: line " in said
    assert "did you mean westus" in said


def test_what_stands_against_one_of_them_is_told_by_its_name(written: Doors) -> None:
    write(written, f"{written.plan}a", [], drill=None)
    write(written, written.plan, [f"{written.plan}a"])
    assert problem(ask(written, "drill"), 422).startswith(f"{written.plan}a: the plan has no drill")


def test_a_point_named_for_machines_of_two_plans_is_422(written: Doors) -> None:
    write(written, f"{written.plan}a", [])
    write(written, written.plan, [f"{written.plan}a"])
    said = problem(ask(written, points={"db-prod-01": "p"}), 422)
    assert f"machines of {written.plan}a and {written.plan}" in said
    assert "no member of any of the plans" in problem(ask(written, points={"db-9": "p"}), 422)


def test_what_moves_no_application_takes_none_along(written: Doors) -> None:
    write(written, written.plan, ["nowhere"])
    said = problem(ask(written, "commit", with_dependencies=True), 422)
    assert "failover, failback, drill take dependencies along" in said
    assert ask(written, "commit").status_code == 202
