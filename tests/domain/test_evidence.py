from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.canonical import canonical, digest
from domain.evidence import FIRST, SEAL, Evidence, file_text, seal
from domain.run import Fact
from tests.evidence_samples import FACTS, START, declined, hostile, large, partial, whole

words = st.text(max_size=30)
facts = st.lists(
    st.builds(
        Fact, at=st.integers(0, 9999).map(lambda s: START + timedelta(seconds=s)), what=words
    ),
    max_size=6,
)


@settings(deadline=None)
@given(facts)
def test_a_chain_has_a_link_per_fact_and_ends_in_the_seal(told: list[Fact]) -> None:
    record = seal(whole(), told)
    chain = record["chain"]
    assert [link["what"] for link in chain[:-1]] == [fact.what for fact in told]
    assert [link["seq"] for link in chain] == list(range(1, len(told) + 2))
    previous = FIRST
    for link in chain:
        assert link["prev"] == previous
        previous = link["sha256"]
        assert previous == digest({k: v for k, v in link.items() if k != "sha256"})
    rest = {key: value for key, value in record.items() if key != "chain"}
    assert chain[-1]["what"] == SEAL + digest(rest)
    assert chain[-1]["at"] == record["run"]["endedAt"]


@settings(deadline=None)
@given(facts, facts)
def test_other_facts_make_another_seal(one: list[Fact], two: list[Fact]) -> None:
    heads = {seal(whole(), told)["chain"][-1]["sha256"] for told in (one, two)}
    assert len(heads) == (1 if one == two else 2)


@settings(deadline=None)
@given(words, words)
def test_other_words_make_another_seal(one: str, two: str) -> None:
    def head(deviation: str) -> Any:
        changed = whole().model_copy(update={"deviations": (deviation,)})
        return seal(changed, FACTS)["chain"][-1]["sha256"]

    assert (head(one) == head(two)) == (one == two)


def test_half_a_character_in_somebodys_reason_does_not_keep_a_run_from_its_evidence() -> None:
    run = whole().run.model_copy(update={"reason": "so\ud800 far"})
    told = Fact(at=START, what="\udfff\U0001f600")
    record = seal(whole().model_copy(update={"run": run}), [told])
    assert record["run"]["reason"] == "so? far"
    assert record["chain"][0]["what"] == "?\U0001f600"
    assert file_text(record).encode()


def test_sealing_twice_gives_the_same_record() -> None:
    assert seal(whole(), FACTS) == seal(whole(), FACTS)


def test_the_keys_are_those_that_auditors_were_promised() -> None:
    record = seal(whole(), FACTS)
    assert set(record) == {
        "schema", "run", "signals", "readiness", "automatic", "approvals", "decisions", "setAside", "tiers", "fence",
        "traffic", "commit", "cleanup", "actions", "drill", "protection", "reprotection", "children", "timing",
        "budget", "deviations", "chain",
    }  # fmt: skip
    assert record["schema"] == "leeward/evidence/1"
    promised = {
        "id", "plan", "planDigest", "kind", "mode", "requestedBy", "reason", "startedAt", "endedAt",
        "outcome", "version",
    }  # fmt: skip
    assert promised <= set(record["run"])
    tier = record["tiers"][0]
    assert {"name", "startedAt", "endedAt", "rtoSeconds", "members", "gate"} <= set(tier)
    assert {
        "name", "itemId", "jobId", "recoveryPointTime", "rpoSeconds", "startedAt", "endedAt", "outcome",
    } <= set(tier["members"][0])  # fmt: skip
    assert {"profile", "before", "after", "verified", "dns", "http", "switchedAt"} <= set(
        record["traffic"]
    )
    assert {"total", "detection", "decision", "recovery", "traffic", "azure", "own"} <= set(
        record["timing"]
    )
    assert record["run"]["startedAt"] == "2026-03-14T02:41:07Z"


def test_a_record_reads_back_as_the_evidence_it_was() -> None:
    for evidence in (whole(), declined(), partial(), large(), hostile()):
        assert Evidence.model_validate(json.loads(file_text(seal(evidence, FACTS)))) == evidence


def test_facts_are_told_by_the_chain_alone() -> None:
    assert "facts" not in whole().model_copy(update={"facts": FACTS}).wire()


def test_canonical_json_has_sorted_keys_no_spaces_and_plain_utf_8() -> None:
    assert canonical({"b": [1, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,null]}'.encode()
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_the_file_is_sorted_indented_and_ends_in_one_newline() -> None:
    assert file_text({"b": "é", "a": [1]}) == '{\n  "a": [\n    1\n  ],\n  "b": "é"\n}\n'
