"""``python -m local demo``: the whole outage on one machine, in under a minute."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console

from local.demo.play import DemoBroke, play
from local.demo.screen import Screen
from local.processes import ROOT


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
    try:
        evidence = play(args.app, args.estate, args.out, args.speed, screen)
    except DemoBroke as broke:
        console.print(f"the demo broke off: {broke}", style="bold red", soft_wrap=True)
        for name, end in broke.logs.items():
            console.print(f"--- the end of {name}", style="dim")
            console.print(end, markup=False, soft_wrap=True)
        return 1
    screen.summary(evidence, time.monotonic() - began, str(args.out))
    return 0 if evidence["run"]["outcome"] == "COMPLETED" else 1
