"""New code goes in while nothing is in flight, or because somebody says why it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.main import main as leeward
from tests.journeys.world import World, world

Out = pytest.CaptureFixture[str]


def _switch(w: World) -> bool:
    w.host.settle()
    return bool(w.http.get("/api/kill-switch").json()["on"])


def test_a_deployment_waits_for_a_run_in_flight_and_lets_the_app_go_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    with world(tmp_path) as w:
        monkeypatch.setenv("LEEWARD_URL", w.host.url)
        monkeypatch.setenv("LEEWARD_TOKEN", w.by("alice")["Authorization"].removeprefix("Bearer "))
        run = w.fail_over()
        w.until_asked(run)
        assert leeward(["hold"]) == 1
        told = capsys.readouterr()
        assert run in told.out and "1 run is in flight; wait until it ends" in told.err
        assert not _switch(w), "who does not deploy holds nobody up"

        assert leeward(["hold", "--force", "the fix that this very run needs"]) == 0
        assert "deployed all the same: the fix that this very run needs" in capsys.readouterr().err
        assert _switch(w)
        assert leeward(["unhold"]) == 0
        assert not _switch(w)

        assert w.decide(run, "reject").status_code == 202
        w.until_ended(run)
        assert leeward(["hold", "--reason", "1.4.0"]) == 0
        shown = w.http.get("/api/kill-switch").json()
        assert shown["switch"]["reason"] == "deploying: 1.4.0"
        assert leeward(["unhold"]) == 0
        assert not _switch(w)


def test_no_app_takes_over_and_no_person_does_without_a_reason(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        asked = {"take_over": True, "reason": "west is dark"}
        by = w.by("pipeline")
        assert w.http.post("/api/plans/shop/failover", json=asked, headers=by).status_code == 403
        blank = asked | {"reason": "  "}
        assert w.http.post("/api/plans/shop/failover", json=blank).status_code == 422
        assert w.accepted() == []
