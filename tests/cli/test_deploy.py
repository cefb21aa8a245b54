"""Hold and unhold against an app that says what each test has it say: other people's switches, pages, silence."""

from __future__ import annotations

import threading

import pytest

from cli.main import main
from tests.cli.test_commands import Fake, Out, app

__all__ = ["app"]
OFF = {"on": False, "setting": None, "switch": None}


def _pulled(reason: str) -> dict[str, object]:
    return {"on": True, "setting": None, "switch": {"on": True, "by": "olivia", "reason": reason}}


def _quiet(fake: Fake) -> None:
    for state in ("running", "waiting"):
        fake.says(f"GET runs?state={state}&limit=100", {"runs": [], "next": None})


def test_a_switch_that_somebody_pulled_stays_theirs(app: Fake, capsys: Out) -> None:
    app.says("GET kill-switch", _pulled("a storm is coming"))
    _quiet(app)
    assert main(["hold"]) == 0
    assert main(["unhold"]) == 0
    assert not [what for what, _, _ in app.asked if what.startswith("POST")]
    assert "stays on: olivia pulled it, a storm is coming" in capsys.readouterr().out


def test_a_run_on_a_later_page_is_found(app: Fake, capsys: Out) -> None:
    app.says("GET kill-switch", _pulled("deploying: 2.0"))
    _quiet(app)
    page = "/api/runs?state=running&limit=100&after=r-200"
    app.says("GET runs?state=running&limit=100", {"runs": [], "next": page})
    late = {"run": "r-1", "plan": "shop", "state": "running", "step": "tier db"}
    app.says(f"GET {page.removeprefix('/api/')}", {"runs": [late], "next": None})
    assert main(["hold"]) == 1
    assert "r-1" in capsys.readouterr().out


def test_nothing_held_is_said(app: Fake, capsys: Out) -> None:
    app.says("GET kill-switch", OFF)
    assert main(["unhold"]) == 0
    assert capsys.readouterr().out == "nothing is held\n"


def test_an_app_that_does_not_answer_is_deployed_to_only_by_force(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setenv("LEEWARD_URL", "http://127.0.0.1:9")
    assert main(["hold"]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert main(["hold", "--force", "the first deployment"]) == 0
    assert "deployed all the same: the first deployment" in capsys.readouterr().err
    assert main(["hold", "--force", ""]) == 2


def test_an_app_that_comes_up_late_is_waited_for(app: Fake, capsys: Out) -> None:
    app.says("GET kill-switch", {}, 503)
    threading.Timer(0.7, app.says, ("GET kill-switch", OFF)).start()
    assert main(["unhold", "--within", "20"]) == 0
    assert len(app.asked) > 1


def test_an_app_that_never_comes_up_is_told(app: Fake, capsys: Out) -> None:
    assert main(["unhold", "--within", "0"]) == 1
    app.says("GET kill-switch", {"detail": "the role is missing"}, 403)
    assert main(["unhold", "--within", "60"]) == 1
    assert "the role is missing" in capsys.readouterr().err


def test_a_hold_that_cannot_look_lets_the_app_go_again(app: Fake, capsys: Out) -> None:
    app.says("GET kill-switch", _pulled("deploying: the try before"))
    app.says("POST kill-switch", {"on": False}, 202)
    app.says("GET runs?state=running&limit=100", {"detail": "busy"}, 503)
    assert main(["hold"]) == 1
    posted = [body for what, body, _ in app.asked if what == "POST kill-switch"]
    assert [body["on"] for body in posted] == [False]
