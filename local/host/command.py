"""`python -m local host`: run a function app on this machine until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.clock import VirtualClock, parse_clock

_DEFAULT_PORT = 7071


def run(args: argparse.Namespace) -> int:
    """Run the host until SIGINT or SIGTERM; return the exit code."""
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="[%(asctime)s] %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("asyncio", "httpx", "azure"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        return _serve(args)
    except Exception as error:  # whatever keeps a host from starting is told in one line
        if args.verbose:
            logging.exception("the host did not start")
        print(f"python -m local host: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 1


def _serve(args: argparse.Namespace) -> int:
    clock = parse_clock(args.clock, args.clock_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    from local.host.host import Host  # after the arguments are known to be good: it takes a while

    with _database(args.db) as db:
        host = Host(
            args.app,
            db,
            clock,
            port=args.port,
            auth=args.auth,
            auto_advance=isinstance(clock, VirtualClock),
        )
        with host:
            for line in host.describe():
                _say(f"  {line}")
            if args.auth:
                _say(f"keys: {host.keys_file}")
            _say(f"listening on {host.url}")
            stop.wait()
            _say("stopping")
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument(
        "--app", type=Path, required=True, metavar="DIR", help="the folder of function_app.py"
    )
    parser.add_argument(
        "--port", type=int, default=_DEFAULT_PORT, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--db",
        type=Path,
        metavar="FILE",
        help="where orchestrations are remembered (default: nowhere beyond this run)",
    )
    parser.add_argument(
        "--clock", default="wall", help="wall, scaled:FACTOR or virtual (default: %(default)s)"
    )
    parser.add_argument(
        "--clock-file", type=Path, metavar="FILE", help="share the clock with other processes"
    )
    parser.add_argument("--auth", action="store_true", help="ask for access keys, as Azure does")
    parser.add_argument("--verbose", action="store_true", help="log more, and show tracebacks")


@contextmanager
def _database(named: Path | None) -> Iterator[Path]:
    """Lend the file named, or one in a folder that goes away again."""
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="local-host-") as folder:
        yield Path(folder) / "host.db"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command speaks
