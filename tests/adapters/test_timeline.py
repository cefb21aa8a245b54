"""The picture of a run: whole, inside its frame, to scale, and drawn as far as is known."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from adapters.timeline import Scale, timeline_svg
from domain.evidence import Evidence
from domain.run import CommitReport, TrafficReport
from tests.adapters.pages import samples, sealed
from tests.evidence_samples import RUN, TRAFFIC, declined, large, partial, whole


def drawn(evidence: Evidence) -> ET.Element:
    return ET.fromstring(timeline_svg(sealed(evidence)))


def elements(root: ET.Element, tag: str, look: str) -> list[ET.Element]:
    return [e for e in root.iter(f"{{http://www.w3.org/2000/svg}}{tag}") if e.get("class") == look]


@samples
def test_the_picture_is_xml_with_a_title_and_a_description(evidence: Evidence) -> None:
    root = drawn(evidence)
    named = (root.get("aria-labelledby") or "").split()
    by_id = {e.get("id"): e.text or "" for e in root.iter()}
    assert root.get("role") == "img"
    assert evidence.run.id in by_id[named[0]]
    assert evidence.run.outcome.value in by_id[named[0]]
    assert by_id[named[1]].startswith("The run took ")


@samples
def test_everything_that_is_drawn_lies_inside_the_picture(evidence: Evidence) -> None:
    root = drawn(evidence)
    left, top, width, height = map(float, (root.get("viewBox") or "").split())
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(rect.get(key) or "nan") for key in ("x", "y", "width", "height"))
        assert left <= x <= x + w <= left + width
        assert top <= y <= y + h <= top + height
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert top < float(text.get("y") or "nan") < top + height


def test_every_machine_is_a_bar_and_every_proof_a_mark() -> None:
    root = drawn(whole())
    assert len(elements(root, "rect", "bar")) == 4 + 1 + 1  # machines, traffic, commit
    assert len(elements(root, "rect", "wait")) == 2  # the decision, the soak
    assert len(elements(root, "polygon", "passed")) == 1 + 3 + 1 + 1
    assert len(elements(root, "line", "switch")) == 1
    assert len(elements(drawn(large()), "rect", "bar")) == 100 + 2


def test_what_did_not_come_is_drawn_hollow_and_red() -> None:
    root = drawn(partial())
    assert len(elements(root, "rect", "bad")) == 1
    assert len(elements(root, "polygon", "shut")) == 1
    assert len(elements(root, "line", "switch")) == 0


def test_a_restored_switch_is_no_switch() -> None:
    traffic = TRAFFIC.model_copy(update={"restored": True})
    root = drawn(whole().model_copy(update={"traffic": traffic}))
    assert elements(root, "line", "switch") == []
    assert "restored" in [e.text for e in root.iter()]


@pytest.mark.parametrize("commit", [None, CommitReport(mode="manual", committed=False)])
@pytest.mark.parametrize("traffic", [TRAFFIC, None])
def test_a_soak_is_drawn_where_no_commit_ended_it(
    commit: CommitReport | None, traffic: TrafficReport | None
) -> None:
    root = drawn(whole().model_copy(update={"commit": commit, "traffic": traffic}))
    assert len(elements(root, "rect", "wait")) == 2


def test_a_long_wait_is_cut_short_and_a_short_one_is_to_scale() -> None:
    even = Scale.of(1000, [(100, 300)])
    assert even.waits == ()
    middle = (even.x(0) + even.x(1000)) / 2
    assert even.x(500) == pytest.approx(middle, abs=0.1)
    cut = Scale.of(86400 + 1000, [(500, 86900)])
    work = [cut.x(500) - cut.x(0), cut.x(87400) - cut.x(86900)]
    assert work[0] == pytest.approx(work[1], abs=0.2)
    assert cut.x(86900) - cut.x(500) < work[0]


@pytest.mark.parametrize("total", [1, 59, 1624, 21600, 86400 * 3])
@pytest.mark.parametrize("waits", [[], [(0.2, 0.9)], [(0.0, 0.45), (0.5, 0.95)]])
def test_times_never_run_backwards_and_ticks_never_touch(
    total: float, waits: list[tuple[float, float]]
) -> None:
    scale = Scale.of(total, [(a * total, b * total) for a, b in waits])
    places = [scale.x(total * step / 200) for step in range(-5, 210)]
    assert places == sorted(places)
    ticks = [scale.x(tick) for tick in scale.ticks()]
    assert ticks
    assert all(b - a >= 70 for a, b in pairwise(ticks))


def test_a_decision_without_a_time_and_a_switch_without_a_gate_are_drawn_as_far_as_known() -> None:
    timeless = whole().decisions[0].model_copy(update={"at": None})
    traffic = TRAFFIC.model_copy(update={"gate": None})
    evidence = whole().model_copy(update={"decisions": (timeless,), "traffic": traffic})
    root = drawn(evidence)
    assert len(elements(root, "rect", "bar")) == 4 + 1
    assert len(elements(root, "polygon", "passed")) == 3 + 1 + 1
    assert "approved" in [e.text for e in root.iter()]


def test_a_run_of_no_length_is_drawn() -> None:
    run = RUN.model_copy(update={"ended_at": RUN.started_at})
    timing = declined().timing.model_copy(update={"decision": 0, "total": 0})
    evidence = declined().model_copy(update={"run": run, "timing": timing})
    assert "The run took 00:00" in timeline_svg(sealed(evidence))
