"""``leeward plan``: import a recovery plan of Azure's, check a plan file, push a plan, show the drift."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.app import DONE, SAID_NO, App, Json, SaidNo, Unusable, add_command, complain, say, table

if TYPE_CHECKING:
    from cli.app import Commands


def add_to(commands: Commands) -> None:
    """Add ``readiness``, and ``plan`` with what it does."""
    parser = add_command(
        commands,
        "readiness",
        "say what stands in a run's way now; ends in 1 where anything does",
        readiness,
    )
    parser.add_argument("plan")
    parser.add_argument("--kind", default="failover", help="of which run; failover where not given")
    plan = commands.add_parser("plan", help="import, check, push and compare plans")
    verbs = plan.add_subparsers(metavar="VERB", required=True)
    parser = add_command(
        verbs, "import", "make a plan file from a recovery plan of Azure's", import_plan
    )
    parser.add_argument("source", metavar="FILE|ARM-ID", help="its JSON, or where it is in Azure")
    parser.add_argument("--like", metavar="PLAN", help="the plan that has what Azure's lacks")
    parser.add_argument("--name", help="what the plan is called; as in Azure where not given")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write it there, not to the screen"
    )
    parser = add_command(
        verbs, "check", "say what is wrong with a plan file, or still to be filled in", check
    )
    parser.add_argument("file", type=Path)
    parser = add_command(verbs, "push", "make Azure's recovery plans what the plan says", push)
    parser.add_argument("plan")
    parser = add_command(
        verbs, "diff", "show how Azure's recovery plans differ; ends in 1 where they do", diff
    )
    parser.add_argument("plan")


def readiness(app: App, asked: argparse.Namespace) -> int:
    """Print what stands in the way, then what should be known."""
    found = app.get("plans", asked.plan, "readiness", kind=asked.kind)
    say(f"{asked.plan} is {'ready' if found['ready'] else 'not ready'} for {asked.kind}")
    for blocker in found["blockers"]:
        say(f"  in the way: {blocker}")
    grants = found.get("grants") or {"missing": [], "toKnow": [], "unread": []}
    for lack in grants["missing"]:
        say(f"  in the way: {lack}")
    for warning in (*found["warnings"], *grants["toKnow"], *grants["unread"]):
        say(f"  to know: {warning}")
    return DONE if found["ready"] else SAID_NO


def import_plan(app: App, asked: argparse.Namespace) -> int:
    """Print the plan file, and say what is still to be filled in."""
    body: Json = {}
    if asked.source.casefold().startswith("/subscriptions/"):
        body["id"] = asked.source
    else:
        body["plan"] = _json(Path(asked.source))
    body |= {key: value for key in ("like", "name") if (value := getattr(asked, key))}
    made = app.post("plans", "import", body=body)
    if asked.out:
        try:
            with asked.out.open("x", encoding="utf-8") as file:
                file.write(made["text"])
        except FileExistsError as error:
            raise Unusable(f"{asked.out} is there already; name another --out") from error
        except OSError as error:
            raise Unusable(f"{asked.out} cannot be written: {error.strerror}") from error
    else:
        sys.stdout.write(made["text"])
    for note in made["notes"]:
        complain(f"note: {note}")
    where = asked.out or f"{made['name']}.yaml"
    left = made["toFillIn"]
    if left:
        complain(f"{len(left)} values of {where} are still to be filled in:")
        for blank in left:
            sys.stderr.write(f"  line {blank['line']}: {blank['what']}\n")
    return DONE


def check(app: App, asked: argparse.Namespace) -> int:
    """Say whether the file holds a valid plan, and every line that keeps it from being one."""
    body = {"text": _text(asked.file), "where": str(asked.file)}
    try:
        found = app.post("plans", "check", body=body)
    except SaidNo as no:
        mistakes = no.told.get("mistakes")
        if not mistakes:
            raise
        for mistake in mistakes:
            say(f"{asked.file}, line {mistake['line']}: {mistake['what']}")
        return SAID_NO
    tiers = ", then ".join(f"{t['name']} ({len(t['members'])})" for t in found["tiers"])
    say(f"{asked.file} holds plan {found['plan']}: {tiers}")
    return DONE


def push(app: App, asked: argparse.Namespace) -> int:
    """Push the plan and say what Azure does about each recovery plan; ends in 1 where a run began meanwhile."""
    found = app.post("plans", asked.plan, "push")
    rows = [(one["name"], one["was"], one["job"] or "") for one in found["recoveryPlans"]]
    table(("RECOVERY PLAN", "WAS", "JOB"), rows)
    if found["toName"]:
        say(f"write into the plan: recovery_plans: [{', '.join(found['toName'])}]")
    _own(found)
    if begun := found.get("begun"):
        complain(begun)
        return SAID_NO
    return DONE


def diff(app: App, asked: argparse.Namespace) -> int:
    """Show every difference; ends in 1 where there is one."""
    found = app.get("plans", asked.plan, "diff")
    drift = found["drift"]
    if drift:
        table(("WHAT", "RECOVERY PLAN", ""), [(d["kind"], d["plan"], d["what"]) for d in drift])
    else:
        say(f"{', '.join(found['recoveryPlans'])}: as plan {found['plan']} has it")
    _own(found)
    return SAID_NO if drift else DONE


def _own(found: Json) -> None:
    if found["notOfAzure"]:
        complain(f"not of Azure's plans, done by Leeward alone: {', '.join(found['notOfAzure'])}")


def _json(path: Path) -> Json:
    try:
        value = json.loads(_text(path))
    except ValueError as error:
        raise Unusable(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unusable(f"{path} holds no JSON object; give the JSON of one recovery plan")
    return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unusable(f"{path} cannot be read: {why}") from error
