"""The ``leeward`` command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from cli import deploy, plans, runs, verify

# What a shell says of a command that SIGPIPE ended.
UNHEARD = 141


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
    try:
        code: int = asked.run(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough, as `head` does; nothing may be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD
    return code


if __name__ == "__main__":
    sys.exit(main())
