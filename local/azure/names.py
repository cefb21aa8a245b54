"""A DNS server on loopback: Traffic Manager's present answer, public names, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Resolve = Callable[[str], "Found | None"]


class Found:
    """What a name leads to: perhaps a canonical name, and an address."""

    def __init__(self, address: str, ttl: int, canonical: str | None = None) -> None:
        self.address = address
        self.ttl = ttl
        self.canonical = canonical


def answer(wire: bytes, resolve: Resolve) -> bytes | None:
    """Answer one DNS message; None where it is not one."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA | dns.flags.RA
    if not query.question:
        reply.set_rcode(dns.rcode.FORMERR)
        return reply.to_wire()
    question = query.question[0]
    found = resolve(question.name.to_text(omit_final_dot=True))
    if found is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()
    owner = question.name.to_text()
    if found.canonical is not None:
        target = found.canonical.rstrip(".") + "."
        reply.answer.append(dns.rrset.from_text(owner, found.ttl, "IN", "CNAME", target))
        owner = target
    if question.rdtype == dns.rdatatype.A and found.address:
        reply.answer.append(dns.rrset.from_text(owner, found.ttl, "IN", "A", found.address))
    return reply.to_wire()


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP."""

    def __init__(self, resolve: Resolve, lock: threading.RLock) -> None:
        self._resolve = resolve
        self._lock = lock
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        with self._lock:
            reply = answer(data, self._resolve)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    async def serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the questions of one TCP connection."""
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                question = await reader.readexactly(length)
                with self._lock:
                    reply = answer(question, self._resolve)
                if reply is None:
                    return
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
