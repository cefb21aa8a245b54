"""An audit passes only if every package was looked up and none is known to be vulnerable."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from local.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FINE = {"name": "six", "version": "1.17.0", "vulns": []}
FLAW = {"id": "CVE-2026-1", "fix_versions": ["2.32.0"], "aliases": [], "description": "d"}
BAD = {"name": "requests", "version": "2.31.0", "vulns": [FLAW]}
UNSEEN = {"name": "own", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ({"dependencies": [FINE]}, 0, "1 packages audited, none is known to be vulnerable"),
        ({"dependencies": [FINE, BAD]}, 1, "requests 2.31.0: CVE-2026-1, mended in 2.32.0"),
        ({"dependencies": [FINE, UNSEEN]}, 2, "own was not audited: Dependency not found"),
        ({"dependencies": [UNSEEN, UNSEEN]}, 2, "could not be reached, or knows none of the 2 pa"),
        (None, 2, "could not be reached (ConnectionError: no way)"),
    ],
)
def test_no_word_on_a_package_is_no_pass(
    said: Any, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor = tmp_path / "auditor.py"
    speaks = f"print({json.dumps(said)!r})" if said else "sys.exit('ConnectionError: no way')"
    auditor.write_text(f"import sys\nassert '--requirement' in sys.argv\n{speaks}\n")
    command = shlex.join([sys.executable, str(auditor)])
    assert main(["audit", "--auditor", command]) == code
    assert told in " ".join(capsys.readouterr().out.split())


def test_the_workflows_call_what_anybody_can_call_here() -> None:
    for name in ("ci", "nightly"):
        text = (ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
        runs = re.findall(r"- run: (.*)", text)
        assert "make audit" in runs
        assert all(run.startswith("make ") for run in runs), runs
