from __future__ import annotations

import ast
import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import verify
from cli.main import main
from domain.canonical import digest
from domain.evidence import file_text, seal
from tests.evidence_samples import FACTS, declined, hostile, whole

RECORD = seal(whole(), FACTS)
FILE = file_text(RECORD).encode()


def broken(record: dict[str, Any]) -> str:
    return "\n".join(verify.examine(file_text(record).encode()).broken)


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    change(record)
    return record


def rehash(link: dict[str, Any]) -> None:
    link["sha256"] = digest({k: v for k, v in link.items() if k != "sha256"})


def test_a_sealed_file_holds() -> None:
    found = verify.examine(FILE)
    assert found.broken == ()
    assert found.record == RECORD


def test_a_record_full_of_hostile_words_holds() -> None:
    assert verify.examine(file_text(seal(hostile(), FACTS)).encode()).broken == ()


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(FILE) - 1), bits=st.integers(1, 255))
def test_any_flipped_byte_is_found(at: int, bits: int) -> None:
    flipped = bytearray(FILE)
    flipped[at] ^= bits
    assert verify.examine(bytes(flipped)).broken


def test_a_flip_at_every_single_position_is_found() -> None:
    short = file_text(seal(declined(), FACTS[:2])).encode()
    missed = []
    for at in range(len(short)):
        flipped = bytearray(short)
        flipped[at] ^= 0x01
        if not verify.examine(bytes(flipped)).broken:
            missed.append(at)
    assert missed == []


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, len(FILE)), more=st.binary(min_size=1, max_size=4))
def test_bytes_put_in_are_found(at: int, more: bytes) -> None:
    assert verify.examine(FILE[:at] + more + FILE[at:]).broken


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(FILE) - 1))
def test_a_file_cut_short_is_found(end: int) -> None:
    assert verify.examine(FILE[:end]).broken


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_no_bytes_make_the_verifier_fall_over(data: bytes) -> None:
    assert verify.examine(data).broken


def test_white_space_alone_is_named_with_its_line() -> None:
    loose = FILE.replace(b'"schema": ', b'"schema":  ', 1)
    line = FILE[: FILE.index(b'"schema": ')].count(b"\n") + 1
    (only,) = verify.examine(loose).broken
    assert f"in line {line}, is not as it was written" in only


def test_the_same_key_given_twice_is_found() -> None:
    twice = FILE.replace(b'  "schema"', b'  "run": {},\n  "schema"', 1)
    assert verify.examine(twice).broken


@pytest.mark.parametrize("number", range(1, len(RECORD["chain"]) + 1))
def test_a_removed_link_is_found(number: int) -> None:
    said = broken(changed(lambda record: record["chain"].pop(number - 1)))
    if number < len(RECORD["chain"]):
        assert f"link {number} calls itself {number + 1}; expected {number}" in said
    else:
        assert f"link {number - 1}, the last, is not the seal" in said


def test_two_links_in_each_others_place_are_found() -> None:
    def swap(record: dict[str, Any]) -> None:
        chain = record["chain"]
        chain[2], chain[3] = chain[3], chain[2]

    said = broken(changed(swap))
    assert "link 3 calls itself 4" in said
    assert "link 4 calls itself 3" in said


def test_an_inserted_link_is_found_even_with_a_right_hash_of_its_own() -> None:
    def insert(record: dict[str, Any]) -> None:
        chain = record["chain"]
        link = {"at": chain[0]["at"], "what": "approved", "seq": 2, "prev": chain[0]["sha256"]}
        rehash(link)
        chain.insert(1, link)

    said = broken(changed(insert))
    assert "link 3 calls itself 2; expected 3" in said
    assert "link 3 does not follow link 2" in said
    assert "link 2 " not in said.replace("follow link 2", "")


@pytest.mark.parametrize("key", ["at", "what"])
def test_a_changed_fact_is_found_and_named(key: str) -> None:
    said = broken(changed(lambda record: record["chain"][4].update({key: "2026-03-14T00:00:00Z"})))
    assert "link 5 was changed" in said
    assert said.count("link ") == 1


def test_a_changed_fact_with_its_hash_made_anew_breaks_the_next_link() -> None:
    def forge(record: dict[str, Any]) -> None:
        record["chain"][4]["what"] = "Tier web never arrived"
        rehash(record["chain"][4])

    record = changed(forge)
    said = broken(record)
    assert f"link 6 does not follow link 5: expected prev {record['chain'][4]['sha256']}" in said
    assert f"found {RECORD['chain'][4]['sha256']}" in said


def test_changed_content_under_an_unchanged_chain_is_found() -> None:
    record = changed(lambda record: record["tiers"][0].update(rtoSeconds=1))
    rest = digest({k: v for k, v in record.items() if k != "chain"})
    said = broken(record)
    assert "the record was changed after it was sealed in link 9" in said
    assert said.endswith(f"the record now has {rest}")


@pytest.mark.parametrize("section", [key for key in RECORD if key not in ("chain", "schema")])
def test_a_section_that_was_taken_away_is_found(section: str) -> None:
    assert "changed after it was sealed" in broken(changed(lambda record: record.pop(section)))


def test_a_new_section_is_found() -> None:
    assert "changed after it was sealed" in broken(changed(lambda record: record.update(note="hi")))


@pytest.mark.parametrize("seq", [True, 1.0, "1", None])
def test_a_number_that_only_equals_one_is_not_the_first(seq: Any) -> None:
    def forge(record: dict[str, Any]) -> None:
        record["chain"][0]["seq"] = seq
        rehash(record["chain"][0])

    assert f"link 1 calls itself {seq!r}; expected 1" in broken(changed(forge))


def test_a_first_link_that_follows_something_is_found() -> None:
    def forge(record: dict[str, Any]) -> None:
        record["chain"][0]["prev"] = "f" * 64
        rehash(record["chain"][0])

    assert f"link 1 does not follow the start of the chain: expected prev {'0' * 64}" in broken(
        changed(forge)
    )


@pytest.mark.parametrize("chain", [None, [], {}, "none"])
def test_a_record_without_a_chain_is_broken(chain: Any) -> None:
    assert "the record has no chain" in broken(changed(lambda record: record.update(chain=chain)))


@pytest.mark.parametrize(
    "link", [None, "link", {}, {"sha256": "x"}, {**RECORD["chain"][1], "by": 1}]
)
@pytest.mark.parametrize("index", [1, -1])
def test_a_link_of_another_shape_is_named(link: Any, index: int) -> None:
    said = broken(changed(lambda record: record["chain"].__setitem__(index, link)))
    number = 2 if index == 1 else len(RECORD["chain"])
    assert f"link {number} does not hold exactly at, prev, seq, sha256, what" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not UTF-8 JSON"),
        (b"\xff\xfe", "not UTF-8 JSON"),
        (b"[" * 100_000, "not UTF-8 JSON"),
        (b'{"schema": NaN}', "NaN is no JSON"),
        (b"[]", "no evidence record"),
        (b'{"schema": "leeward/plan/1"}', "no evidence record"),
        (b'{"schema": "leeward/evidence/1", "x": "\\ud800"}', "half a character"),
    ],
)
def test_what_is_no_record_is_said_to_be_none(data: bytes, said: str) -> None:
    assert said in verify.examine(data).broken[0]


def test_the_command_says_what_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(FILE)
    assert main(["verify", str(file)]) == 0
    said = capsys.readouterr().out
    assert f"{file} holds: run {RECORD['run']['id']} of plan shop" in said
    assert "COMPLETED" in said
    assert digest(RECORD) in said


def test_the_command_says_what_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(FILE.replace(b"COMPLETED", b"COMPLETEX"))
    assert main(["verify", str(file)]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"{file} is broken:\n")
    assert "the record was changed after it was sealed in link 9" in said


def test_a_whole_new_seal_is_found_by_the_digest_known_from_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evidence.json"
    forged = seal(whole().model_copy(update={"deviations": ()}), FACTS)
    file.write_text(file_text(forged), encoding="utf-8")
    assert main(["verify", str(file)]) == 0
    assert main(["verify", "--sha256", digest(forged).upper(), str(file)]) == 0
    assert main(["verify", "--sha256", digest(RECORD), str(file)]) == 1
    assert (
        f"expected the digest {digest(RECORD)}, found {digest(forged)}" in capsys.readouterr().out
    )


def test_a_file_that_cannot_be_read_is_a_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["verify"], ["prove", "x"], ["verify", "a", "b"]])
def test_a_wrong_use_ends_in_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: leeward" in capsys.readouterr().err


def test_words_in_a_record_cannot_forge_a_line_or_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = whole().run.model_copy(update={"plan": "x\x1b[2J\nall is well"})
    file = tmp_path / "evidence.json"
    file.write_text(file_text(seal(whole().model_copy(update={"run": forged}), FACTS)))
    main(["verify", str(file)])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\nall is well" not in said


def test_the_verifier_imports_the_standard_library_alone() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    imported = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert imported
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("spoil", [False, True])
def test_the_documented_way_without_leeward_works(spoil: bool, tmp_path: Path) -> None:
    docs = (Path(__file__).parents[2] / "docs/evidence.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```$", docs, re.M | re.S)
    file = tmp_path / "evidence.json"
    file.write_bytes(FILE.replace(b"COMPLETED", b"COMPLETEX", 1) if spoil else FILE)
    told = subprocess.run(
        [sys.executable, "-I", "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert (told.returncode == 0) is not spoil
    assert ("holds" in told.stdout) is not spoil
    assert ("the record was changed" in told.stderr) is spoil
    if not spoil:
        assert f"sha256 {digest(RECORD)}" in told.stdout


def test_the_rules_can_be_followed_by_hand() -> None:
    """The documented rule, written out once more without a line of the verifier's."""
    import hashlib

    record = json.loads(FILE)
    chain = record.pop("chain")
    previous = "0" * 64
    for link in chain:
        stated = link.pop("sha256")
        assert link["prev"] == previous
        text = json.dumps(link, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert stated == previous
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert chain[-1]["what"].endswith(hashlib.sha256(text.encode()).hexdigest())
