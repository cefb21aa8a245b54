"""The plain port on loopback: a forward proxy into the simulated world, and the control API.

``GET http://host[:port]/path`` and ``CONNECT host:port`` reach machines by private address, public
name or Traffic Manager name. Requests for ``/_simulator/...`` go to the control API.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local.azure.world import Contact, Reply

Reach = Callable[[str, int, str], Reply]
Control = Callable[[str, str, bytes], tuple[int, Any]]

LARGEST_BODY = 1_000_000
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 404: "Not Found"} | {
    405: "Method Not Allowed",
    413: "Content Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
STATUS = {Contact.SILENT: 504, Contact.REFUSED: 502, Contact.UNKNOWN_NAME: 502}


def ways_out(proxy: str) -> dict[str, str]:
    """Return the settings for probes. Simulated: all vantage points see one world, through one proxy."""
    return {"PROBE_PROXY": proxy, "VANTAGE_POINTS": f"centralus={proxy},northeurope={proxy}"}


class Malformed(Exception):
    """A request that cannot be read; carries the status to answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        wish = self.headers.get("connection") or self.headers.get("proxy-connection") or ""
        return wish.lower() != "close"


class Proxy:
    """Serves one connection after the other, each for as long as the client likes."""

    def __init__(self, reach: Reach, control: Control) -> None:
        self._reach = reach
        self._control = control

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        try:
            while (request := await _read(reader)) is not None:
                if request.method == "CONNECT":
                    await self._tunnel(request, reader, writer)
                    return
                writer.write(self._respond(request))
                await writer.drain()
                if not request.keeps_alive:
                    return
        except Malformed as error:
            writer.write(_json(error.status, {"error": str(error)}, close=True))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _respond(self, request: _Request) -> bytes:
        if request.target.startswith("/"):
            if not request.target.startswith("/_simulator"):
                raise Malformed(400, "ask a proxy for an absolute URL, or for /_simulator/...")
            status, body = self._control(request.method, request.target, request.body)
            return _text(status, body) if isinstance(body, str) else _json(status, body)
        url = urlsplit(request.target)
        if url.scheme != "http" or not url.hostname:
            raise Malformed(501, f"only http URLs are simulated, not {request.target!r}")
        path = url.path or "/"
        return _world(self._reach(url.hostname, _port(url.port, 80), path), url.hostname)

    async def _tunnel(
        self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = request.target.rpartition(":")
        if not host or not port.isdigit():
            raise Malformed(400, f"CONNECT needs host:port, not {request.target!r}")
        reply = self._reach(host, int(port), "/")
        if reply.contact is not Contact.REACHED:
            writer.write(_world(reply, host))
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n" + _served_by(reply) + b"\r\n")
        await writer.drain()
        if reply.port is None or reply.port.protocol == "tcp":
            await reader.read(-1)
            return
        while (inner := await _read(reader)) is not None:
            path = urlsplit(inner.target).path or "/"
            writer.write(_world(self._reach(host, int(port), path), host))
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> _Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise Malformed(400, "the head of the request is too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        raise Malformed(400, f"{first!r} is not a request line")
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    length = headers.get("content-length", "0")
    if not length.isdigit() or "transfer-encoding" in headers:
        raise Malformed(400, "give the length of the body in content-length")
    if int(length) > LARGEST_BODY:
        raise Malformed(413, f"a body may have {LARGEST_BODY} bytes")
    body = await reader.readexactly(int(length))
    return _Request(parts[0].upper(), parts[1], headers, body)


def _port(port: int | None, default: int) -> int:
    return default if port is None else port


def _served_by(reply: Reply) -> bytes:
    if reply.machine is None:
        return b""
    facts = reply.machine.facts
    return f"x-served-by: {facts.region}/{facts.name}\r\n".encode()


def _world(reply: Reply, host: str) -> bytes:
    if reply.contact is not Contact.REACHED:
        why = {"error": f"{host}: {reply.contact.value}"}
        return _json(STATUS[reply.contact], why)
    assert reply.machine is not None
    if reply.status == 0:
        return _json(502, {"error": f"{host}: the port does not speak http"})
    facts = reply.machine.facts
    body = {"machine": facts.name, "region": facts.region, "status": reply.status}
    return _json(reply.status, body, extra=_served_by(reply))


def _text(status: int, text: str) -> bytes:
    return _answer(status, "text/plain", text.encode(), b"")


def _json(status: int, body: Any, *, extra: bytes = b"", close: bool = False) -> bytes:
    more = b"connection: close\r\n" if close else b""
    return _answer(status, "application/json", json.dumps(body).encode(), more + extra)


def _answer(status: int, kind: str, content: bytes, more: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(content)}\r\n"
    ).encode()
    return head + more + b"\r\n" + content
