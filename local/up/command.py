"""``python -m local up``: the app on its usual port, over a simulated Azure that can be told to break."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.azurite import Azurite, NotThere
from local.processes import ROOT, ProcessFailed, both

PORT = 7071
AZURE_PORT = 7072
STRICT = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "true"}


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
    parser.add_argument(
        "--containers", action="store_true", help="keep everything in blob containers, in Azurite"
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
        plans = args.plan.parent
        try:
            ports = (args.port, args.azure_port)
            with (
                _containers(folder, plans) if args.containers else _folders(folder, plans) as kept,
                both(
                    args.app,
                    args.estate,
                    folder,
                    clock,
                    {**STRICT, **kept.settings},
                    ports,
                    trusted=kept.trusted,
                ) as (azure, host),
            ):
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
                for key, place in kept.settings.items():
                    _say(f"{key:<15}{place}")
                _say(f"logs         {folder}")
                _say("Ctrl-C ends both")
                over.wait()
        except (ProcessFailed, NotThere) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the app keeps things, and whom it must trust there."""

    settings: dict[str, str]
    trusted: Path | None = None


@contextmanager
def _folders(folder: Path, plans: Path) -> Iterator[Kept]:
    yield Kept({"PLAN_STORE": str(plans), "EVIDENCE_STORE": str(folder / "evidence")})


@contextmanager
def _containers(folder: Path, plans: Path) -> Iterator[Kept]:
    """Run Azurite with the plans in it; raises NotThere."""
    names = {"PLAN_STORE": "plans", "EVIDENCE_STORE": "evidence", "LEDGER": "shared"}
    with Azurite(folder / "azurite") as storage:
        settings = {key: storage.make_container(name) for key, name in names.items()}
        for plan in sorted(plans.glob("*.yaml")):
            storage.put(names["PLAN_STORE"], plan.name, plan.read_bytes())
        yield Kept(settings, storage.certificate)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
