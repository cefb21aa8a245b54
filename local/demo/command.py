"""``python -m local demo``: the whole outage on one machine, in under a minute."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx
from rich.console import Console

from local.demo.screen import Screen
from local.demo.story import Story, StoryBroke
from local.processes import ROOT, ProcessFailed, both


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument("--app", type=Path, default=ROOT, help="the folder of function_app.py")
    parser.add_argument(
        "--estate", type=Path, default=ROOT / "local/estates/shop.yaml", help="what Azure holds"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), help="where the evidence goes"
    )
    parser.add_argument("--speed", type=float, default=60.0, help="story seconds per wall second")


def run(args: argparse.Namespace) -> int:
    """Tell the story; the exit code is 0 only if the run completed."""
    console = Console(highlight=False)
    screen = Screen(console)
    screen.title(f"Leeward demo: a region outage, {args.speed:g} times as fast as life")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leeward-demo-") as name:
        folder = Path(name)
        settings = {
            "PLAN_STORE": str(args.app / "plans"),
            "EVIDENCE_STORE": str(folder / "evidence"),
        }
        try:
            with both(args.app, args.estate, folder, f"scaled:{args.speed}", settings) as (
                azure,
                host,
            ):
                story = Story(host.url, azure.environment["PROBE_PROXY"], screen)
                evidence = story.tell(args.out)
        except (ProcessFailed, StoryBroke, httpx.HTTPError) as error:
            console.print(f"the demo broke off: {error}", style="bold red", soft_wrap=True)
            _show_logs(console, folder)
            return 1
    screen.summary(evidence, time.monotonic() - began, str(args.out))
    return 0 if evidence["run"]["outcome"] == "COMPLETED" else 1


def _show_logs(console: Console, folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        console.print(f"--- the end of {log.name}", style="dim")
        console.print(log.read_text(errors="replace")[-3000:], markup=False, soft_wrap=True)
