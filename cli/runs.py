"""Runs from the command line: start one, look, decide, hold it, go on, stop it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cli.app import DONE, SAID_NO, App, Json, SaidNo, add_command, complain, say, table

if TYPE_CHECKING:
    from cli.app import Commands

STARTS = {
    "failover": "move the application to its recovery region",
    "failback": "take the application home again",
    "drill": "rehearse in the isolated network, and clean up",
    "protect": "put the plan's machines under replication",
    "reprotect": "replicate back to where the machines came from",
    "commit": "close the window of a failover: its recovery points are deleted",
    "round-trip": "rehearse out and home again, in earnest",
}
CONTROLS = {
    "pause": "hold a run before its next step",
    "resume": "let a held run go on",
    "cancel": "stop a run where it stands",
    "force": "go on without the source's help",
}
WORDS = {
    "retry": "try the step again that failed and waits for a word",
    "skip": "go on without the step that waits for a word",
    "stop": "let the step be that waits for a word: its tier has not arrived",
}
POINTS = ("latest", "latest_processed", "latest_app_consistent", "latest_crash_consistent")
FACTS = 5


def add_to(commands: Commands) -> None:
    """Add the commands about runs."""
    parser = add_command(commands, "runs", "list the runs, newest first", list_runs)
    parser.add_argument("--plan", help="of this plan alone")
    parser.add_argument("--state", choices=("running", "waiting", "ended"))
    parser.add_argument("--limit", type=int, default=20, metavar="N")
    _with_run(add_command(commands, "run", "show where a run stands", show))
    add_command(commands, "acting", "show the app's stance, and who acts on what", show_acting)
    parser = _with_run(
        add_command(
            commands, "evidence", "print the sealed record of a run that has ended", evidence
        )
    )
    parser.add_argument("--format", choices=("json", "html", "md"), default="json")
    for verb, says in STARTS.items():
        parser = add_command(commands, verb, says, start)
        parser.add_argument("plan")
        parser.add_argument("--reason", help="why, for the evidence")
        parser.add_argument("--mode", choices=("graceful", "forced"))
        parser.add_argument("--point", choices=POINTS, help="the recovery point")
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="act instead of the app that holds the application, which is gone; needs --reason",
        )
        parser.set_defaults(verb=verb)
    for verdict, says in (
        ("approve", "say yes to what a run asks"),
        ("reject", "say no to what a run asks; that is final"),
    ):
        parser = _with_run(add_command(commands, verdict, says, decide))
        parser.add_argument("--gate", help="the gate you mean; refused if the run asks at another")
        parser.set_defaults(verdict=verdict)
    for verb, says in CONTROLS.items():
        _with_run(add_command(commands, verb, says, control)).set_defaults(verb=verb)
    for verb, says in WORDS.items():
        parser = _with_run(add_command(commands, verb, says, give_word))
        parser.add_argument("--step", help="the step you mean; refused if another one waits")
        parser.set_defaults(verb=verb)


def list_runs(app: App, asked: argparse.Namespace) -> int:
    """Print one line for each run."""
    given = {"plan": asked.plan, "state": asked.state, "limit": str(asked.limit)}
    found = app.get("runs", **{key: value for key, value in given.items() if value})
    rows = [
        (one["run"], one["plan"], one["state"], _where(one), _time(one["startedAt"]))
        for one in found["runs"]
    ]
    table(("RUN", "PLAN", "STATE", "AT", "STARTED (UTC)"), rows)
    return DONE


def show(app: App, asked: argparse.Namespace) -> int:
    """Print where a run stands: its tiers and machines, what it waits for, and its newest facts."""
    found = app.get("runs", asked.run_id)
    say(f"{found['run']}: {found['state']}, {_where(found)}")
    if found.get("because"):
        say(f"  {found['because']}")
    rows = [(tier["name"], "", tier["state"]) for tier in found["tiers"]]
    members = [
        (tier["name"], member["name"], member["state"])
        for tier in found["tiers"]
        for member in tier.get("members", ())
    ]
    told = {member for _, member, _ in members}
    members += [("", name, state) for name, state in found["members"].items() if name not in told]
    if rows:
        table(("TIER", "MACHINE", "STATE"), rows + members)
    _waits(found)
    for fact in found["facts"][-FACTS:]:
        say(f"{_time(fact['at'])}  {fact['what']}")
    return DONE


def show_acting(app: App, asked: argparse.Namespace) -> int:
    """Print what the app is called, whether it stands by, and which run of which app acts on each application."""
    found = app.get("acting")
    say(f"{found['app']}: {found['stance']}")
    rows = [
        (name, str(one["token"]), one["app"] or "?", one["run"] or "?", _time(one["since"]))
        if one
        else (name, "", "nobody", "", "")
        for name, one in found["acting"].items()
    ]
    table(("APPLICATION", "TOKEN", "APP", "RUN", "SINCE (UTC)"), rows)
    return DONE


def evidence(app: App, asked: argparse.Namespace) -> int:
    """Print the evidence as it was sealed, byte for byte: `leeward verify` checks what is written here."""
    sys.stdout.write(app.text("runs", asked.run_id, "evidence", format=asked.format))
    return DONE


def start(app: App, asked: argparse.Namespace) -> int:
    """Start a run and say how to follow it."""
    body = {"reason": asked.reason, "mode": asked.mode, "recovery_point": asked.point}
    body["take_over"] = asked.take_over
    given = {key: value for key, value in body.items() if value}
    found = app.post("plans", asked.plan, asked.verb, body=given)
    say(str(found["run"]))
    complain(f"it goes; look at it with: leeward run {found['run']}")
    return DONE


def decide(app: App, asked: argparse.Namespace) -> int:
    """Answer what the run asks now, bound to the digest of what it shows."""
    found = app.get("runs", asked.run_id)
    waits = found.get("waitsFor")
    if not waits:
        complain(f"{asked.run_id} asks for nothing: {found['state']}, {_where(found)}")
        return SAID_NO
    if asked.gate and asked.gate != waits["gate"]:
        complain(f"{asked.run_id} asks at gate {waits['gate']}, not at {asked.gate}")
        return SAID_NO
    body = {"gate": waits["gate"], "verdict": asked.verdict, "digest": waits["digest"]}
    try:
        app.post("runs", asked.run_id, "decisions", body=body)
    except SaidNo:
        _waits(found)
        raise
    say(f"{asked.verdict} at gate {waits['gate']} of {asked.run_id}")
    return DONE


def control(app: App, asked: argparse.Namespace) -> int:
    """Lay a word of control on the run's desk."""
    app.post("runs", asked.run_id, "controls", body={"verb": asked.verb})
    say(f"{asked.run_id}: {asked.verb}")
    return DONE


def give_word(app: App, asked: argparse.Namespace) -> int:
    """Say what becomes of the step that waits for a word."""
    step = asked.step
    if step is None:
        waits = app.get("runs", asked.run_id).get("waitsFor")
        if not waits or asked.verb not in waits.get("verbs", ()):
            complain(f"no step of {asked.run_id} waits for a word")
            return SAID_NO
        step = waits["gate"]
    app.post("runs", asked.run_id, "controls", body={"verb": asked.verb, "step": step})
    say(f"{asked.run_id}: {asked.verb} {step}")
    return DONE


def _with_run(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("run_id", metavar="RUN")
    return parser


def _where(one: Json) -> str:
    waits = one.get("waitsFor")
    return str(one.get("outcome") or (f"asks at {waits['gate']}" if waits else one["step"]))


def _waits(found: Json) -> None:
    waits = found.get("waitsFor")
    if waits:
        says = f": {waits['says']}" if waits.get("says") else ""
        if waits.get("verbs"):
            words = ", ".join(waits["verbs"])
            say(f"step {waits['gate']} waits until {_time(waits['until'])} UTC for {words}{says}")
            return
        say(f"asks at gate {waits['gate']} until {_time(waits['until'])} UTC{says}")
        say(f"  plan digest {waits['digest']}")


def _time(at: Any) -> str:
    return str(at or "")[:19].replace("T", " ")
