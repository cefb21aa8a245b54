"""What every store keeps to, in a folder as in a container."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.evidence_store import FolderEvidence
from adapters.plan_store import LARGEST_PLAN, FolderPlans
from domain.errors import Permanent, Transient
from domain.plan_rules import PlanRefused
from tests.adapters.stores import FAMILIES, Place, lost_place_of, place_of

SHOP = (Path(__file__).parents[2] / "plans/shop.yaml").read_text(encoding="utf-8")
RITA = "slack:\n  U1: {oid: 5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b, name: rita@shop.example, roles: [Leeward.Approve]}\n"


@pytest.fixture(params=FAMILIES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_of(request.param, request, tmp_path)


@pytest.fixture(params=FAMILIES)
def lost(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return lost_place_of(request.param, request, tmp_path)


def put(place: Place, name: str, text: str = SHOP) -> None:
    place.put(f"{name}.yaml", text.replace("name: shop\n", f"name: {name}\n", 1).encode())


def test_a_plan_is_found_by_its_name(place: Place) -> None:
    put(place, "shop")
    put(place, "bank")
    place.put("notes.txt", b"not a plan")
    place.put("old/shop.yaml", SHOP.encode())
    assert place.plans.names() == ["bank", "shop"]
    assert place.plans.plan("shop").name == "shop"
    assert [plan.name for plan in place.plans.valid()] == ["bank", "shop"]


def test_an_unknown_plan_is_refused_with_those_there_are(place: Place) -> None:
    with pytest.raises(Permanent, match="plans are none"):
        place.plans.plan("shop")
    put(place, "shop")
    for wrong in ("bank", "../shop", "shop.yaml", ""):
        with pytest.raises(Permanent, match="plans are shop") as refused:
            place.plans.plan(wrong)
        assert refused.value.code == "plan_unknown"


def test_a_mended_plan_counts_at_once(place: Place) -> None:
    put(place, "shop", "name: [")
    plans = place.plans
    with pytest.raises(PlanRefused):
        plans.plan("shop")
    put(place, "shop")
    assert plans.plan("shop").name == "shop"
    place.take_away("shop.yaml")
    assert plans.names() == []


def test_a_plan_under_another_name_is_refused(place: Place) -> None:
    place.put("bank.yaml", SHOP.encode())
    with pytest.raises(PlanRefused, match=r"name the file shop\.yaml or the plan 'bank'"):
        place.plans.plan("bank")


def test_an_invalid_plan_is_logged_and_holds_nobody_else_up(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    put(place, "good")
    put(place, "bad", "tiers: 1")
    place.put("latin.yaml", b"name: caf\xe9\n")
    place.put("empty.yaml", b"")
    place.put("vast.yaml", SHOP.encode() + b"#" * LARGEST_PLAN)
    with caplog.at_level(logging.ERROR):
        assert [plan.name for plan in place.plans.valid()] == ["good"]
    found = {name: type(each).__name__ for name, each in place.plans.each()}
    assert found.pop("good") == "Plan"
    assert set(found.values()) == {"PlanRefused"}
    for name in ("bad", "latin", "empty", "vast"):
        assert f"{name}.yaml, line 1: " in caplog.text
    assert "a plan has at most 1,000,000" in caplog.text


def test_what_is_no_file_is_an_invalid_plan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    with caplog.at_level(logging.ERROR):
        assert FolderPlans(tmp_path).valid() == []
    for name in ("folder", "gone"):
        assert f"{name}.yaml, line 1: " in caplog.text


def test_evidence_is_kept_and_read_back(place: Place) -> None:
    place.evidence.keep("run-1", {"evidence.json": "{}\n", "evidence.md": "# é\n"})
    assert place.evidence.text("run-1", "evidence.md") == "# é\n"
    assert place.files() == {
        "run-1/evidence.json": b"{}\n",
        "run-1/evidence.md": "# é\n".encode(),
    }


def test_the_same_evidence_may_be_kept_again(place: Place) -> None:
    for _ in range(2):
        place.evidence.keep("run-1", {"evidence.json": "{}\n"})
    assert place.files() == {"run-1/evidence.json": b"{}\n"}


def test_what_a_dying_app_left_out_is_kept_the_next_time(place: Place) -> None:
    place.evidence.keep("run-1", {"evidence.json": "{}\n"})
    place.evidence.keep("run-1", {"evidence.json": "{}\n", "evidence.html": "<p>"})
    assert sorted(place.files()) == ["run-1/evidence.html", "run-1/evidence.json"]


def test_other_evidence_of_a_run_is_a_later_edition_and_nothing_is_lost(place: Place) -> None:
    told = ["{1}\n", "{2}\n", "{3}\n", "{2}\n"]
    for text in told:
        place.evidence.keep("run-1", {"evidence.json": text})
    assert place.evidence.text("run-1", "evidence.json") == "{3}\n"
    assert place.files() == {
        "run-1/evidence.json": b"{1}\n",
        "run-1/evidence.2.json": b"{2}\n",
        "run-1/evidence.3.json": b"{3}\n",
    }


def test_the_tenth_edition_is_newer_than_the_ninth(place: Place) -> None:
    for number in range(1, 11):
        place.evidence.keep("run-1", {"evidence.json": f"{number}"})
    assert place.evidence.text("run-1", "evidence.json") == "10"


def test_line_ends_are_kept_as_they_were_sealed(place: Place) -> None:
    place.evidence.keep("run-1", {"evidence.json": "a\r\nb\n"})
    assert place.files() == {"run-1/evidence.json": b"a\r\nb\n"}
    assert place.evidence.text("run-1", "evidence.json") == "a\r\nb\n"


def test_evidence_that_nobody_kept_is_unknown(place: Place) -> None:
    place.evidence.keep("run-10", {"evidence.json": "{}"})
    for run, name in (("run-1", "evidence.json"), ("run-10", "evidence.md"), ("run-10", "e.json")):
        with pytest.raises(Permanent, match=f"run {run} has left no evidence yet") as refused:
            place.evidence.text(run, name)
        assert refused.value.code == "evidence_unknown"


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderEvidence(tmp_path)
    store.keep("run-1", {"evidence.json": "old"})

    def torn(source: object, target: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr(os, "replace", torn)
    with pytest.raises(Transient, match="the disk went away"):
        store.keep("run-1", {"evidence.json": "new"})
    assert store.text("run-1", "evidence.json") == "old"


def test_an_entry_belongs_to_the_first_who_makes_it(place: Place) -> None:
    one, other = place.ledger, place.ledger
    assert one.read("periods/shop/a") is None
    assert one.keys("periods/shop") == []
    assert one.claim("periods/shop/a", {"by": "one"})
    assert not other.claim("periods/shop/a", {"by": "other"})
    assert other.read("periods/shop/a") == {"by": "one"}
    one.keep("periods/shop/a", {"by": "one", "state": "ended é"})
    one.keep("periods/shop/0", {})
    one.keep("periods/shop/0/deeper", {})
    one.keep("periods/shop-2/0", {})
    assert other.read("periods/shop/a") == {"by": "one", "state": "ended é"}
    assert other.keys("periods/shop") == ["periods/shop/0", "periods/shop/a"]
    place.put("periods/shop/note.txt", b"by hand")
    assert other.keys("periods/shop") == ["periods/shop/0", "periods/shop/a"]


def test_of_many_threads_one_gets_each_entry(place: Place) -> None:
    def race(name: int) -> int:
        ledger = place.ledger
        return sum(ledger.claim(f"periods/shop/{n}", {"by": name}) for n in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(race, range(4))) == 10


def test_an_entry_that_cannot_be_read_is_empty_and_taken(place: Place) -> None:
    for name, data in {"a": b"", "b": b'["no entry"]', "c": b"\xe9{"}.items():
        place.put(f"periods/{name}.json", data)
        assert place.ledger.read(f"periods/{name}") == {}
        assert not place.ledger.claim(f"periods/{name}", {})


def test_the_record_grows_by_a_line_and_keeps_them_all(place: Place) -> None:
    before = datetime.now(UTC)
    for number in range(20):
        place.record.keep("event", {"number": number, "said": "é\n"})
    with ThreadPoolExecutor(4) as pool:
        record = place.record
        list(pool.map(lambda n: record.keep("event", {"number": n}), range(20, 40)))
    files = place.files()
    assert all(name.startswith(f"signals/{before:%Y}") for name in files)
    lines = [json.loads(line) for data in files.values() for line in data.splitlines()]
    assert sorted(line["number"] for line in lines) == list(range(40))
    assert all(line["what"] == "event" for line in lines)
    assert all(before <= datetime.fromisoformat(line["kept"]) for line in lines)


def test_people_are_those_of_the_file_as_it_is_now(place: Place) -> None:
    people = place.people
    with pytest.raises(Permanent, match=r"people\.yaml cannot be read: FileNotFoundError") as no:
        people.person("slack", "U1")
    assert no.value.code == "people_unreadable"
    place.put("people.yaml", RITA.encode())
    rita = people.person("slack", "U1")
    assert rita is not None and rita.name == "rita@shop.example"
    assert people.person("teams", "U1") is None
    place.put("people.yaml", b"")
    assert people.person("slack", "U1") is None
    for broken in (b"slack: [", b"slack: 1\n", b"\xe9"):
        place.put("people.yaml", broken)
        with pytest.raises(Permanent, match=r"people\.yaml cannot be read"):
            people.person("slack", "U1")


def test_a_place_out_of_reach_is_a_matter_of_waiting(lost: Place) -> None:
    attempts: dict[str, list[Callable[[], object]]] = {
        "evidence_not_kept": [lambda: lost.evidence.keep("run-1", {"evidence.json": "{}"})],
        "ledger_unavailable": [
            lambda: lost.ledger.claim("a", {}),
            lambda: lost.ledger.keep("a", {}),
            lambda: lost.ledger.read("a"),
        ],
        "record_not_kept": [lambda: lost.record.keep("event", {})],
    }
    for code, tries in attempts.items():
        for attempt in tries:
            with pytest.raises(Transient) as refused:
                attempt()
            assert refused.value.code == code
            assert "could not be" in refused.value.message
