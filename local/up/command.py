"""``python -m local up``: the app on its usual port, over a simulated Azure that can be told to break."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from local.processes import ROOT, ProcessFailed, both

PORT = 7071
AZURE_PORT = 7072


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument("--app", type=Path, default=ROOT, help="the folder of function_app.py")
    parser.add_argument(
        "--plan", type=Path, default=ROOT / "plans/shop.yaml", help="the plan; its folder is read"
    )
    parser.add_argument(
        "--estate", type=Path, default=ROOT / "local/estates/shop.yaml", help="what Azure holds"
    )
    parser.add_argument("--port", type=int, default=PORT, help="the app's port; 0 takes a free one")
    parser.add_argument(
        "--azure-port",
        type=int,
        default=AZURE_PORT,
        help="the port that breaks Azure and gives tokens out; 0 takes a free one",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="story seconds per wall second")


def run(args: argparse.Namespace) -> int:
    """Run both until SIGINT or SIGTERM."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    clock = "wall" if args.speed == 1 else f"scaled:{args.speed}"
    with tempfile.TemporaryDirectory(prefix="leeward-up-") as name:
        folder = Path(name)
        settings = {
            "PLAN_STORE": str(args.plan.parent),
            "EVIDENCE_STORE": str(folder / "evidence"),
            "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "true",
        }
        try:
            ports = (args.port, args.azure_port)
            with both(args.app, args.estate, folder, clock, settings, ports) as (azure, host):
                control = azure.environment["PROBE_PROXY"]
                _say(f"Leeward      {host.url}/api")
                _say(f"Azure        {azure.environment['ARM_ENDPOINT']} (simulated)")
                _say(
                    f"break it     curl -X POST {control}/_simulator/regions/eastus -d '{{\"down\": true}}'"
                )
                _say(
                    f"be alice     export LEEWARD_TOKEN=$(curl -s {control}/_simulator/tokens/alice)"
                )
                _say(
                    f"move it      curl -X POST {host.url}/api/plans/{args.plan.stem}/failover"
                    ' -H "Authorization: Bearer $LEEWARD_TOKEN"'
                )
                _say(f"logs         {folder}")
                _say("Ctrl-C ends both")
                over.wait()
        except ProcessFailed as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
