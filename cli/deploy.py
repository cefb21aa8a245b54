"""Deploying from the command line: hold the app still before new code goes in, and let it go again."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cli.app import DONE, SAID_NO, App, Json, SaidNo, Unusable, add_command, complain, say, table

if TYPE_CHECKING:
    from cli.app import Commands

# What the switch's reason begins with where a deployment pulled it: nobody else's word is taken back.
MARK = "deploying: "
# What stands before an app that is still coming up says: no such route, bad gateway, unavailable.
NOT_YET = (404, 502, 503)
IN_FLIGHT = ("running", "waiting")
HELD_WITHIN_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.5


def add_to(commands: Commands) -> None:
    """Add the commands about deployments."""
    parser = add_command(
        commands,
        "hold",
        "before a deployment: let no run begin by itself, and refuse if one is in flight",
        hold,
    )
    parser.add_argument("--reason", default="new code", help="what is deployed, for the record")
    parser.add_argument(
        "--force",
        default="",
        metavar="WHY",
        help="deploy although runs are in flight or the app does not answer; says why",
    )
    parser = add_command(
        commands, "unhold", "after a deployment: let runs begin by themselves again", unhold
    )
    parser.add_argument(
        "--within",
        type=float,
        default=180,
        metavar="SECONDS",
        help="how long the app may take to come up",
    )


def hold(app: App, asked: argparse.Namespace) -> int:
    """Pull the kill switch, then look for runs in flight; whoever is refused finds the switch as it was."""
    try:
        pulled = _pull(app, f"{MARK}{asked.reason}")
        runs = [run for state in IN_FLIGHT for run in _runs(app, state)]
    except (SaidNo, Unusable) as error:
        if not asked.force:
            _let_go(app)
            raise
        complain(f"the app was not asked, {error}; deployed all the same: {asked.force}")
        return DONE
    if runs:
        table(
            ("RUN", "PLAN", "STATE", "AT"),
            [(run["run"], run["plan"], run["state"], run["step"]) for run in runs],
        )
    if runs and not asked.force:
        if pulled:
            _set(app, on=False, reason="not deployed: runs are in flight")
        complain(
            f"{_count(runs)} in flight; wait until {'it ends' if len(runs) == 1 else 'they end'}, "
            "or deploy into it with: --force WHY"
        )
        return SAID_NO
    if runs:
        complain(f"{_count(runs)} in flight, deployed all the same: {asked.force}")
    say("held: no run begins by itself; after the deployment: leeward unhold")
    return DONE


def _let_go(app: App) -> None:
    """Release the switch if a deployment pulled it, as far as the app can be reached."""
    try:
        if _is_deployments(_switch(app)):
            _set(app, on=False, reason="not deployed: the app did not answer")
    except (SaidNo, Unusable):
        complain("the kill switch may be on still; when the app answers again: leeward unhold")


def unhold(app: App, asked: argparse.Namespace) -> int:
    """Release the kill switch if a deployment pulled it; a switch that somebody else pulled stays."""
    switch = _once_it_answers(app, asked.within)
    if not switch.get("on"):
        say("nothing is held")
        return DONE
    if not _is_deployments(switch):
        say(f"the kill switch stays on: {switch.get('by')} pulled it, {switch.get('reason')}")
        return DONE
    _set(app, on=False, reason="deployed")
    say("let go: runs begin by themselves again")
    return DONE


def _pull(app: App, reason: str) -> bool:
    """Pull the switch unless it is pulled, and say whether a deployment did, this one or one before."""
    switch = _switch(app)
    if switch.get("on"):
        return _is_deployments(switch)
    _set(app, on=True, reason=reason)
    give_up = time.monotonic() + HELD_WITHIN_SECONDS
    while not _switch(app).get("on"):
        if time.monotonic() > give_up:
            raise Unusable("the kill switch was pulled and does not show it; look at the app's log")
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def _once_it_answers(app: App, within_seconds: float) -> Json:
    """Return the app's kill switch; freshly deployed it takes a while to say anything."""
    give_up = time.monotonic() + within_seconds
    while True:
        try:
            return _switch(app)
        except (SaidNo, Unusable) as error:
            coming = isinstance(error, Unusable) or error.status in NOT_YET
            if not coming or time.monotonic() > give_up:
                raise
        time.sleep(LOOK_EVERY_SECONDS)


def _switch(app: App) -> Json:
    """Return the kill switch that people reach, empty where nobody ever touched it."""
    switch: Json = app.get("kill-switch").get("switch") or {}
    return switch


def _is_deployments(switch: Json) -> bool:
    """Say whether it was a deployment that pulled the switch."""
    return bool(switch.get("on")) and str(switch.get("reason", "")).startswith(MARK)


def _set(app: App, on: bool, reason: str) -> None:
    app.post("kill-switch", body={"on": on, "reason": reason[:500]})


def _runs(app: App, state: str) -> Iterator[Json]:
    """Return all runs in a state, page by page."""
    query = {"state": state, "limit": "100"}
    while query:
        page = app.get("runs", **query)
        yield from page["runs"]
        query = dict(parse_qsl(urlsplit(page.get("next") or "").query))


def _count(runs: list[Json]) -> str:
    return "1 run is" if len(runs) == 1 else f"{len(runs)} runs are"
