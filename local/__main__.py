"""`python -m local`: the host, the simulated Azure, and the demo that plays on both."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

_COMMANDS = {
    "host": "run a Durable Functions app on this machine",
    "azure": "run the simulated Azure",
    "up": "run the app over the simulated Azure until Ctrl-C",
    "demo": "watch a region outage handled, start to evidence",
    "audit": "hold what ships against the known vulnerabilities",
    "ship": "pack the app for Azure and prove the package",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that the first argument names; import no other."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Leeward on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in _COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if argv[:1] == [name]:
            import_module(f"local.{name}.command").add_arguments(command)
    args = parser.parse_args(argv)
    code: int = import_module(f"local.{args.command}.command").run(args)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
