from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from adapters.evidence_store import FolderEvidence
from adapters.plan_store import FolderPlans
from domain.errors import Permanent, Transient
from domain.plan_rules import PlanRefused

SHOP = (Path(__file__).parents[2] / "plans/shop.yaml").read_text(encoding="utf-8")


def put(folder: Path, name: str, text: str = SHOP) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text.replace("name: shop\n", f"name: {name}\n", 1), encoding="utf-8")
    return file


def test_a_plan_is_found_by_its_name(tmp_path: Path) -> None:
    put(tmp_path, "shop")
    put(tmp_path, "bank")
    (tmp_path / "notes.txt").write_text("not a plan")
    plans = FolderPlans(tmp_path)
    assert plans.names() == ["bank", "shop"]
    assert plans.plan("shop").name == "shop"
    assert [plan.name for plan in plans.valid()] == ["bank", "shop"]


def test_an_unknown_plan_is_refused_with_those_there_are(tmp_path: Path) -> None:
    put(tmp_path, "shop")
    for wrong in ("bank", "../shop", "shop.yaml", ""):
        with pytest.raises(Permanent, match="plans are shop") as refused:
            FolderPlans(tmp_path).plan(wrong)
        assert refused.value.code == "plan_unknown"
    with pytest.raises(Permanent, match="plans are none"):
        FolderPlans(tmp_path / "nowhere").plan("shop")


def test_a_mended_plan_counts_at_once(tmp_path: Path) -> None:
    file = put(tmp_path, "shop", "name: [")
    plans = FolderPlans(tmp_path)
    with pytest.raises(PlanRefused):
        plans.plan("shop")
    put(tmp_path, "shop")
    assert plans.plan("shop").name == "shop"
    file.unlink()
    assert plans.names() == []


def test_a_plan_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bank.yaml").write_text(SHOP, encoding="utf-8")
    with pytest.raises(PlanRefused, match=r"name the file shop\.yaml or the plan 'bank'"):
        FolderPlans(tmp_path).plan("bank")


def test_an_invalid_plan_is_logged_and_holds_nobody_else_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "good")
    put(tmp_path, "bad", "tiers: 1")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    with caplog.at_level(logging.ERROR):
        assert [plan.name for plan in FolderPlans(tmp_path).valid()] == ["good"]
    for name in ("bad", "latin", "folder", "gone"):
        assert f"{name}.yaml, line 1: " in caplog.text


def test_evidence_is_kept_and_read_back(tmp_path: Path) -> None:
    store = FolderEvidence(tmp_path / "deep" / "folder")
    store.keep("run-1", {"evidence.json": "{}\n", "evidence.md": "# é\n"})
    assert store.text("run-1", "evidence.md") == "# é\n"
    store.keep("run-1", {"evidence.json": "{1}\n"})
    assert store.text("run-1", "evidence.json") == "{1}\n"
    left = sorted(path.name for path in (tmp_path / "deep" / "folder" / "run-1").iterdir())
    assert left == ["evidence.json", "evidence.md"]


def test_line_ends_are_kept_as_they_were_sealed(tmp_path: Path) -> None:
    FolderEvidence(tmp_path).keep("run-1", {"evidence.json": "a\nb\n"})
    assert (tmp_path / "run-1" / "evidence.json").read_bytes() == b"a\nb\n"


def test_evidence_that_nobody_kept_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="run run-1 has left no evidence yet") as refused:
        FolderEvidence(tmp_path).text("run-1", "evidence.json")
    assert refused.value.code == "evidence_unknown"


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Transient, match="the evidence of run-1 could not be written") as refused:
        FolderEvidence(tmp_path / "taken").keep("run-1", {"evidence.json": "{}"})
    assert refused.value.code == "evidence_not_kept"


def test_a_file_is_there_whole_or_as_it_was(
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
