"""The ``leeward`` command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cli import deploy, plans, runs, verify


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a wrong use of it ends in 2, as argparse has it."""
    parser = argparse.ArgumentParser(
        prog="leeward", description="The disaster-recovery autopilot for applications on Azure."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    runs.add_to(commands)
    plans.add_to(commands)
    deploy.add_to(commands)
    verify.add_to(commands)
    asked = parser.parse_args(argv)
    code: int = asked.run(asked)
    return code


if __name__ == "__main__":
    sys.exit(main())
