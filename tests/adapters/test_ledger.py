from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.ledger import FolderLedger
from domain.errors import Transient

ROOT = Path(__file__).parents[2]
RACER = """
import sys
from pathlib import Path
from adapters.ledger import FolderLedger
ledger = FolderLedger(Path(sys.argv[1]))
print(sum(ledger.claim(f"periods/shop/{n}", {"by": sys.argv[2]}) for n in range(200)))
"""


def test_an_entry_belongs_to_the_first_who_makes_it(tmp_path: Path) -> None:
    one, other = FolderLedger(tmp_path / "ledger"), FolderLedger(tmp_path / "ledger")
    assert one.read("periods/shop/a") is None
    assert one.keys("periods/shop") == []
    assert one.claim("periods/shop/a", {"by": "one"})
    assert not other.claim("periods/shop/a", {"by": "other"})
    assert other.read("periods/shop/a") == {"by": "one"}
    one.keep("periods/shop/a", {"by": "one", "state": "ended"})
    one.keep("periods/shop/0", {})
    assert other.read("periods/shop/a") == {"by": "one", "state": "ended"}
    assert other.keys("periods/shop") == ["periods/shop/0", "periods/shop/a"]


def test_of_many_threads_one_gets_each_entry(tmp_path: Path) -> None:
    def race(name: int) -> int:
        ledger = FolderLedger(tmp_path)
        return sum(ledger.claim(f"periods/shop/{n}", {"by": name}) for n in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 50


def test_of_two_processes_one_gets_each_entry(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    won = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sum(won) == 200


def test_an_entry_that_is_just_being_made_reads_empty(tmp_path: Path) -> None:
    (tmp_path / "periods").mkdir()
    (tmp_path / "periods/a.json").write_text("")
    (tmp_path / "periods/b.json").write_text('["no entry"]')
    ledger = FolderLedger(tmp_path)
    assert ledger.read("periods/a") == {}
    assert ledger.read("periods/b") == {}
    assert not ledger.claim("periods/a", {})


def test_a_ledger_out_of_reach_is_a_matter_of_waiting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ledger = FolderLedger(tmp_path / "file")
    for attempt in (
        lambda: ledger.claim("a", {}),
        lambda: ledger.keep("a", {}),
        lambda: ledger.read("a"),
    ):
        with pytest.raises(Transient, match="the ledger's a could not be reached"):
            attempt()


def test_a_claim_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    ledger = FolderLedger(tmp_path)
    with pytest.raises(UnicodeEncodeError):
        ledger.claim("acting/shop/00000001", {"by": "\ud800"})
    assert ledger.read("acting/shop/00000001") is None
    assert list(tmp_path.rglob("*1*")) == []
    assert ledger.claim("acting/shop/00000001", {"by": "one"})


def test_a_share_without_links_keeps_claims_apart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("this share knows no links")

    monkeypatch.setattr("os.link", no_links)
    ledger = FolderLedger(tmp_path)
    assert ledger.claim("acting/shop/00000001", {"by": "one"})
    assert not ledger.claim("acting/shop/00000001", {"by": "other"})
    assert ledger.read("acting/shop/00000001") == {"by": "one"}
    assert ledger.keys("acting/shop") == ["acting/shop/00000001"]
    assert [path.name for path in (tmp_path / "acting/shop").iterdir()] == ["00000001.json"]
