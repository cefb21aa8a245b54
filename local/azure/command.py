"""``python -m local azure``: the simulator alone."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from local.azure.estate import EstateError
from local.azure.estate_file import load_estate
from local.azure.simulator import Simulator
from local.clock import parse_clock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument("--estate", type=Path, required=True, help="YAML file with the estate")
    parser.add_argument("--port", type=int, default=0, help="TLS port of ARM (default: any)")
    parser.add_argument("--proxy-port", type=int, default=0, help="port of proxy and control API")
    parser.add_argument("--dns-port", type=int, default=0, help="port of the DNS server")
    parser.add_argument("--clock", default="wall", help="wall, scaled:FACTOR or virtual")
    parser.add_argument("--clock-file", type=Path, help="file that shares the clock")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; print what an app needs, then ``ready``."""
    try:
        estate = load_estate(args.estate)
        clock = parse_clock(args.clock, args.clock_file)
    except (EstateError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    simulator = Simulator(
        estate, clock, port=args.port, proxy_port=args.proxy_port, dns_port=args.dns_port
    )
    try:
        simulator.start()
    except (RuntimeError, TimeoutError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    try:
        lines = [f"{name}={value}" for name, value in simulator.environment().items()]
        sys.stdout.write("\n".join([*lines, "ready", ""]))
        sys.stdout.flush()
        over.wait()
    finally:
        simulator.stop()
    return 0
