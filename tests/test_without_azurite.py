"""Azurite may be missing on a machine, but never in CI, and whoever lacks it is told what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import azurite
from tests.containers import go_without


def test_where_azurite_is_missing_its_tests_are_skipped_with_the_mend() -> None:
    with pytest.raises(pytest.skip.Exception, match="run: make azurite"):
        go_without(azurite.MISSING, {})
    go_without(None, {})


def test_in_ci_nothing_is_left_out() -> None:
    with pytest.raises(pytest.fail.Exception, match="run: make azurite"):
        go_without(azurite.MISSING, {"CI": "true"})
    go_without(None, {"CI": "true"})


def test_what_is_missing_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azurite, "PROGRAM", tmp_path / "main.js")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert azurite.objection() == "Azurite needs Node.js, which is not installed"
    with pytest.raises(azurite.NotThere, match=r"Node\.js"):
        azurite.Azurite(tmp_path).start()
    (tmp_path / "node").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "node").chmod(0o755)
    assert azurite.objection() == azurite.MISSING
    (tmp_path / "main.js").write_text("")
    assert azurite.objection() is None
    with pytest.raises(azurite.NotThere, match="Azurite did not start"):
        azurite.Azurite(tmp_path).start()
