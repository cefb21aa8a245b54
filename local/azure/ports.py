"""The ports on loopback that the simulator listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HOST = "127.0.0.1"


class PortTaken(Exception):
    """A port cannot be had; the text says which, and how to choose another."""


@contextmanager
def naming(port: int, option: str) -> Iterator[None]:
    """Say which port could not be had in the block."""
    try:
        yield
    except (OSError, OverflowError) as error:
        raise PortTaken(
            f"port {port} on {HOST} cannot be had ({error}): choose another with {option}, or end"
            " what uses it"
        ) from error


def listen(port: int) -> socket.socket:
    """Listen on a port; asyncio sends small answers at once only where the protocol is named."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(1024)
    except (OSError, OverflowError):
        listening.close()
        raise
    return listening


def port_of(listening: Any) -> int:
    """Return the number of the port that a socket has."""
    port: int = listening.getsockname()[1]
    return port
