"""The commands that ask the app, against an app that says what each test has it say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.main import main

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
RUN = {
    "run": "failover-shop-1",
    "kind": "failover",
    "plan": "shop",
    "state": "waiting",
    "step": "decision",
    "startedAt": "2026-03-14T02:40:00+00:00",
    "waitsFor": {
        "gate": "approval",
        "digest": "d" * 64,
        "until": "2026-03-14T03:10:00Z",
        "says": "",
    },
    "tiers": [
        {"name": "db", "state": "moving", "members": [{"name": "db-01", "state": "running"}]}
    ],
    "members": {"db-01": "running", "web-01": "\x1b[2Jgone"},
    "facts": [{"at": "2026-03-14T02:40:01Z", "what": f"fact {n}"} for n in range(9)],
}


@dataclass
class Fake:
    """An app that answers by method and path, and remembers what it was sent."""

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, Json, dict[str, str]]] = field(default_factory=list)

    def says(self, what: str, body: Any, status: int = 200) -> None:
        self.answers[what] = (status, body)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            what = f"{self.command} {self.path.removeprefix('/api/')}"
            headers = {k.lower(): v for k, v in self.headers.items()}
            fake.asked.append((what, body, headers))
            status, told = fake.answers.get(what, (404, {"detail": f"nothing at {what}"}))
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("location", "http://127.0.0.1:9/")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("LEEWARD_URL", fake.url)
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


Out = pytest.CaptureFixture[str]


def test_runs_are_listed_in_a_table(app: Fake, capsys: Out) -> None:
    app.says("GET runs?plan=shop&limit=20", {"runs": [RUN], "next": None})
    assert main(["runs", "--plan", "shop"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["RUN", "PLAN", "STATE", "AT"]
    assert line == "failover-shop-1  shop  waiting  asks at approval  2026-03-14 02:40:00"


def test_a_run_is_shown_and_cannot_steer_the_terminal(app: Fake, capsys: Out) -> None:
    app.says("GET runs/failover-shop-1", RUN)
    assert main(["run", "failover-shop-1"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "asks at gate approval until 2026-03-14 03:10:00 UTC" in shown
    assert "fact 8" in shown and "fact 3" not in shown
    assert shown.count("db-01") == 1


@pytest.mark.parametrize("verb", ["failover", "failback", "drill", "protect", "round-trip"])
def test_a_run_is_started_with_what_was_said(app: Fake, capsys: Out, verb: str) -> None:
    app.says(f"POST plans/shop/{verb}", {"run": "r-1", "href": "/api/runs/r-1"}, 202)
    assert main([verb, "shop", "--reason", "a test", "--point", "latest_processed"]) == 0
    assert app.asked[0][1] == {"reason": "a test", "recovery_point": "latest_processed"}
    told = capsys.readouterr()
    assert (told.out, "leeward run r-1" in told.err) == ("r-1\n", True)


def test_a_run_takes_over_only_when_told_to(app: Fake) -> None:
    app.says("POST plans/shop/failover", {"run": "r", "href": "/api/runs/r"}, 202)
    assert main(["failover", "shop", "--take-over", "--reason", "west is dark"]) == 0
    assert main(["failover", "shop"]) == 0
    assert [body for _, body, _ in app.asked] == [
        {"take_over": True, "reason": "west is dark"},
        {},
    ]


def test_who_acts_is_shown_in_a_table(app: Fake, capsys: Out) -> None:
    held = {"token": 7, "app": "func-west", "run": "r1", "since": "2026-11-22T20:15:00Z"}
    unread = {"token": 2, "app": None, "run": None, "since": None}
    acting = {"crm": None, "pay": unread, "shop": held}
    app.says("GET acting", {"app": "func-third", "stance": "standby", "acting": acting})
    assert main(["acting"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "func-third: standby",
        "APPLICATION  TOKEN  APP        RUN  SINCE (UTC)",
        "crm                 nobody",
        "pay          2      ?          ?",
        "shop         7      func-west  r1   2026-11-22 20:15:00",
    ]


def test_a_refusal_is_told_with_its_mend_and_ends_in_1(app: Fake, capsys: Out) -> None:
    mistakes = [{"line": 9, "what": "unknown region"}]
    app.says("POST plans/shop/failover", {"detail": "not valid", "mistakes": mistakes}, 422)
    assert main(["failover", "shop"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == ["leeward: not valid", "  line 9: unknown region"]
    app.says("POST plans/shop/failover", b"<html>", 401)
    assert main(["failover", "shop"]) == 1
    assert "set LEEWARD_TOKEN" in capsys.readouterr().err


def test_a_decision_is_bound_to_what_the_run_shows(app: Fake, capsys: Out) -> None:
    app.says("GET runs/failover-shop-1", RUN)
    app.says("POST runs/failover-shop-1/decisions", {}, 202)
    assert main(["approve", "failover-shop-1"]) == 0
    sent = {"gate": "approval", "verdict": "approve", "digest": "d" * 64}
    assert app.asked[-1][1] == sent
    assert main(["reject", "failover-shop-1", "--gate", "commit"]) == 1
    app.says("GET runs/failover-shop-1", {**RUN, "waitsFor": None})
    assert main(["approve", "failover-shop-1"]) == 1
    assert sum(what.startswith("POST") for what, _, _ in app.asked) == 1
    assert "asks for nothing" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "force"])
def test_a_word_of_control_is_laid_down(app: Fake, verb: str) -> None:
    app.says("POST runs/r-1/controls", {}, 202)
    assert main([verb, "r-1"]) == 0
    assert app.asked[0][1] == {"verb": verb}


@pytest.mark.parametrize("verb", ["retry", "skip", "stop"])
def test_a_word_goes_to_the_step_that_waits_for_one(app: Fake, capsys: Out, verb: str) -> None:
    stuck = {
        "gate": "db",
        "digest": "",
        "until": "2026-03-14T03:10:00Z",
        "says": "db-01 failed",
        "verbs": ["retry", "skip", "stop"],
    }
    app.says("GET runs/r-1", {**RUN, "waitsFor": stuck})
    app.says("POST runs/r-1/controls", {}, 202)
    assert main(["run", "r-1"]) == 0
    assert "step db waits until 2026-03-14 03:10:00 UTC for retry, skip" in capsys.readouterr().out
    assert main([verb, "r-1"]) == 0
    assert app.asked[-1][1] == {"verb": verb, "step": "db"}
    assert main([verb, "r-1", "--step", "web"]) == 0
    assert app.asked[-1][1] == {"verb": verb, "step": "web"}
    app.says("GET runs/r-1", RUN)
    assert main([verb, "r-1"]) == 1
    assert "no step of r-1 waits" in capsys.readouterr().err


def test_who_asks_goes_along_and_a_token_goes_nowhere_else(
    app: Fake, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_TOKEN", "t0k")
    monkeypatch.setenv("LEEWARD_KEY", "k3y")
    app.says("GET runs?limit=20", {}, 302)
    assert main(["runs"]) == 1
    headers = app.asked[0][2]
    assert (headers["authorization"], headers["x-functions-key"]) == ("Bearer t0k", "k3y")
    assert main(["runs", "--url", "http://leeward.example"]) == 2
    assert "use https" in capsys.readouterr().err
    assert len(app.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nowhere", "ftp://x"])
def test_an_app_that_is_not_there_ends_in_2(url: str, capsys: Out) -> None:
    assert main(["runs", "--url", url]) == 2
    assert "LEEWARD_URL" in capsys.readouterr().err


def test_what_is_not_leeward_is_told_so(app: Fake, capsys: Out) -> None:
    app.says("GET runs?limit=20", b"<html>")
    assert main(["runs"]) == 2
    assert "not Leeward" in capsys.readouterr().err


def test_an_import_prints_the_plan_and_what_is_to_be_filled_in(
    app: Fake, capsys: Out, tmp_path: Path
) -> None:
    made = {"name": "shop", "text": "name: shop\n", "notes": ["a note"], "toFillIn": []}
    app.says("POST plans/import", made)
    source = tmp_path / "asr.json"
    source.write_text('\ufeff{"properties": {}}', encoding="utf-8")
    assert main(["plan", "import", str(source), "--like", "shop"]) == 0
    assert app.asked[0][1] == {"plan": {"properties": {}}, "like": "shop"}
    told = capsys.readouterr()
    assert (told.out, "a note" in told.err) == ("name: shop\n", True)
    app.says("POST plans/import", {**made, "toFillIn": [{"line": 3, "what": "x is missing"}]})
    out = tmp_path / "shop.yaml"
    assert main(["plan", "import", "/subscriptions/s/x", "--out", str(out)]) == 0
    assert app.asked[1][1] == {"id": "/subscriptions/s/x"}
    assert out.read_text() == "name: shop\n"
    assert "line 3: x is missing" in capsys.readouterr().err
    assert main(["plan", "import", str(source), "--out", str(out)]) == 2


@pytest.mark.parametrize("text", ["[]", "nonsense", None])
def test_a_file_that_is_no_plan_never_reaches_the_app(
    app: Fake, tmp_path: Path, text: str | None
) -> None:
    source = tmp_path / "asr.json"
    if text is not None:
        source.write_text(text)
    assert main(["plan", "import", str(source)]) == 2
    assert app.asked == []


def test_a_check_names_every_line_and_ends_in_1(app: Fake, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("name: shop\n")
    tiers = [{"name": "db", "members": ["a", "b"]}, {"name": "web", "members": ["c"]}]
    app.says("POST plans/check", {"plan": "shop", "tiers": tiers})
    assert main(["plan", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} holds plan shop: db (2), then web (1)\n"
    mistakes = [{"line": 1, "what": "it is not"}]
    app.says("POST plans/check", {"detail": "no", "mistakes": mistakes}, 422)
    assert main(["plan", "check", str(file)]) == 1
    assert capsys.readouterr().out == f"{file}, line 1: it is not\n"
    app.says("POST plans/check", {"detail": "too large"}, 400)
    assert main(["plan", "check", str(file)]) == 1
    assert "too large" in capsys.readouterr().err


def test_a_diff_ends_in_1_where_there_is_drift(app: Fake, capsys: Out) -> None:
    shown = {"plan": "shop", "recoveryPlans": ["shop-1"], "drift": [], "notOfAzure": ["call"]}
    app.says("GET plans/shop/diff", shown)
    assert main(["plan", "diff", "shop"]) == 0
    assert "by Leeward alone: call" in capsys.readouterr().err
    drift = [{"kind": "moved", "plan": "shop-1", "what": "web-01 is elsewhere"}]
    app.says("GET plans/shop/diff", {**shown, "drift": drift})
    assert main(["plan", "diff", "shop"]) == 1
    assert "moved  shop-1         web-01 is elsewhere" in capsys.readouterr().out


def test_a_push_tells_what_azure_does_and_what_to_write_down(app: Fake, capsys: Out) -> None:
    plans = [{"name": "shop", "job": "j-1", "was": "pushed"}]
    told: Json = {"plan": "shop", "recoveryPlans": plans, "notOfAzure": [], "toName": ["shop"]}
    app.says("POST plans/shop/push", told)  # as an app from before runs were looked for says it
    assert main(["plan", "push", "shop"]) == 0
    shown = capsys.readouterr().out
    assert "shop           pushed  j-1" in shown
    assert "recovery_plans: [shop]" in shown
    app.says("POST plans/shop/push", {**told, "begun": "shop is held by run r-1"})
    assert main(["plan", "push", "shop"]) == 1
    assert "shop is held by run r-1" in capsys.readouterr().err


def test_evidence_is_printed_as_it_was_sealed(app: Fake, capsys: Out) -> None:
    sealed = '{"schema": "leeward/evidence/1",\n "run": {"reason": "\u00e9"}}\n'
    app.says("GET runs/r-1/evidence?format=json", sealed.encode())
    assert main(["evidence", "r-1"]) == 0
    assert capsys.readouterr().out == sealed
    app.says("GET runs/r-1/evidence?format=md", b"# Evidence\n")
    assert main(["evidence", "r-1", "--format", "md"]) == 0
    assert capsys.readouterr().out == "# Evidence\n"
    assert main(["evidence", "r-2"]) == 1


def test_what_stands_in_the_way_is_told_and_ends_in_1(app: Fake, capsys: Out) -> None:
    found: dict[str, Any] = {
        "ready": False,
        "blockers": ["db-01 is not replicated"],
        "warnings": ["old point"],
        "grants": {"missing": ["lacks a"], "toKnow": ["lacks b"], "unread": ["no answer"]},
    }
    app.says("GET plans/shop/readiness?kind=drill", found)
    assert main(["readiness", "shop", "--kind", "drill"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "shop is not ready for drill"
    assert told[1:] == [
        "  in the way: db-01 is not replicated",
        "  in the way: lacks a",
        "  to know: old point",
        "  to know: lacks b",
        "  to know: no answer",
    ]
    ready = found | {"ready": True, "blockers": []}
    del ready["grants"]  # as an app from before grants were asked for says it
    app.says("GET plans/shop/readiness?kind=failover", ready)
    assert main(["readiness", "shop"]) == 0


def test_a_reader_that_has_read_enough_is_no_trouble(app: Fake) -> None:
    app.says("GET runs?limit=20", {"runs": [RUN] * 5_000, "next": None})
    listing = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "runs"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LEEWARD_URL": app.url},
        cwd=ROOT,
    )
    assert listing.stdout and listing.stderr
    assert listing.stdout.readline().startswith(b"RUN")
    listing.stdout.close()
    with listing.stderr:
        assert listing.stderr.read() == b""
    assert listing.wait(20) == 141
