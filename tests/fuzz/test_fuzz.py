"""A sample of ``make fuzz``, and proof that it would find what it looks for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract import Contract, contract
from tests.fuzz import judged
from tests.fuzz.asked import Asked, Source
from tests.fuzz.ground import EVERY_ROLE, Ground, Heard, ground
from tests.fuzz.judged import Figures, Judge, callers_of, fuzz
from tests.journeys.callers import ALICE

SAMPLE = 24


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(contract().document)


@pytest.fixture
def here(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> Iterator[Ground]:
    caplog.set_level(logging.CRITICAL)
    with ground(tmp_path_factory.mktemp("fuzz") / "ground") as made:
        yield made


def test_a_sample_of_every_operation_finds_nothing(here: Ground, source: Source) -> None:
    labels = source.labels()
    assert len(labels) == sum(len(methods) for methods in contract().document["paths"].values())
    found: list[str] = []
    for label in labels:
        figures = fuzz(label, SAMPLE, here, source, contract(), 0)
        assert figures.cases >= SAMPLE
        assert figures.requests > figures.cases
        found += figures.findings
    assert found == [], "\n".join(found)


def test_one_who_may_not_be_let_in_and_is_is_found(
    here: Ground, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = here.token(ALICE, EVERY_ROLE)

    def lax(operation: Any, ground_: Ground) -> judged.Callers:
        return replace(callers_of(operation, ground_), outsiders=((lambda body: everything,),))

    monkeypatch.setattr(judged, "callers_of", lax)
    figures = fuzz("POST /api/kill-switch", 16, here, source, contract(), 0)
    assert [one for one in figures.findings if "202 without the right" in one]
    figures = fuzz("POST /api/alerts", 16, here, source, contract(), 0)
    changed = [one for one in figures.findings if "changed without the right" in one]
    assert changed or figures.statuses["findings"] > judged.MOST_SHOWN
    assert here.state() != {}


def test_every_place_where_something_is_kept_is_looked_at(here: Ground) -> None:
    here.refresh()
    before = here.state()
    assert here.state() == before
    (here.folder / "ledger").mkdir(exist_ok=True)
    (here.folder / "ledger/more").write_text("x")
    after = here.state()
    assert [part for part in before if before[part] != after[part]] == ["files"]
    answer = here.world.http.post("/api/kill-switch", json={"on": True, "reason": "x"})
    assert answer.status_code == 202
    moved = here.state()
    assert [part for part in after if after[part] != moved[part]] == ["entities"]
    here.world.http.get("/api/plans/shop/readiness")
    looked = here.state()
    assert [part for part in moved if moved[part] != looked[part]] == ["azure"]
    here.free()
    here.world.host.engine.start_new("keep_readiness", "{}", "another")
    begun = here.state()
    assert "instances" in [part for part in looked if looked[part] != begun[part]]


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (500, b"", "text/plain"),
        (503, b"{}", "application/problem+json"),
        (200, b'{"findings": 1, "next": null}', "application/json"),
        (200, b'{"findings": [], "next": null}', "text/html"),
        (418, b"{}", "application/problem+json"),
        (
            404,
            b'{"type":"about:blank","title":"","status":404,"detail":"Traceback"}',
            "application/problem+json",
        ),
    ],
)
def test_a_bad_answer_is_found(status: int, content: bytes, kind: str) -> None:
    figures = Figures("GET /api/findings")
    asked = Asked("GET", "/api/findings", {}, b"")
    Judge(figures, contract(), []).judge(
        asked, Heard(status, {"content-type": kind}, content, 0.1), True
    )
    assert figures.findings


def test_a_body_that_should_have_been_refused_is_found(here: Ground, source: Source) -> None:
    lax = Contract(contract().document)
    strict = {**contract().document["components"]["schemas"]["SwitchGiven"]}
    narrow = {**strict, "properties": {**strict["properties"], "on": {"type": "string"}}}
    schemas = {**lax.document["components"]["schemas"], "SwitchGiven": narrow}
    other = {**lax.document, "components": {**lax.document["components"], "schemas": schemas}}
    figures = fuzz("POST /api/kill-switch", 40, here, Source(other), lax, 0)
    assert [one for one in figures.findings if "valid request rejected" in one], figures
