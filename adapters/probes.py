"""Leeward's own questions to the application and to the resolvers of the world: TCP, HTTP and DNS.

A probe is short, never follows a redirect and never raises: what it heard, or why it heard nothing, is its answer.
"""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import dns.exception
import dns.rdatatype
import dns.resolver
import requests

from domain.gate import Probe
from domain.run import DnsAnswer, ProbeAnswer

TIMEOUT_SECONDS = 5.0
AT_ONCE = 16
HEALTHY = range(200, 400)


class NetworkProbes:
    """Asks from where the app runs, through the forward proxy if the network needs one."""

    def __init__(self, proxy: str | None, resolvers: Sequence[tuple[str, int]]) -> None:
        self._proxy = urlsplit(proxy) if proxy else None
        self._resolvers = tuple(resolvers)

    def ask(self, probes: Sequence[Probe]) -> tuple[ProbeAnswer, ...]:
        """Ask every probe once, side by side, and return what each heard, in order."""
        if not probes:
            return ()
        with ThreadPoolExecutor(min(AT_ONCE, len(probes))) as pool:
            return tuple(pool.map(self._one, probes))

    def leads_to(self, name: str, target: str) -> tuple[DnsAnswer, ...]:
        """Ask every resolver where ``name`` leads, and whether that is ``target``."""
        with ThreadPoolExecutor(len(self._resolvers)) as pool:
            return tuple(pool.map(lambda r: self._resolve(r, name, target), self._resolvers))

    def _one(self, probe: Probe) -> ProbeAnswer:
        ok, heard = self._tcp(probe.tcp) if probe.tcp else self._http(str(probe.http))
        return ProbeAnswer(probe=str(probe), ok=ok, heard=heard)

    def _tcp(self, address: str) -> tuple[bool, str]:
        host, _, port = address.rpartition(":")
        try:
            if self._proxy:
                tunnel = http.client.HTTPConnection(
                    self._proxy.hostname or "", self._proxy.port, timeout=TIMEOUT_SECONDS
                )
                with closing(tunnel):
                    tunnel.set_tunnel(host, int(port))
                    tunnel.connect()
            else:
                socket.create_connection((host, int(port)), TIMEOUT_SECONDS).close()
        except (OSError, ValueError, OverflowError, http.client.HTTPException) as error:
            # Beside what the network refuses: a name or a port that cannot be.
            return False, f"no connection: {error}"
        return True, "connected"

    def _http(self, url: str) -> tuple[bool, str]:
        proxy = self._proxy.geturl() if self._proxy else None
        with requests.Session() as session:
            # The environment would send ~/.netrc along, and put HTTPS_PROXY before our own.
            session.trust_env = False
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            session.proxies = {"http": proxy, "https": proxy} if proxy else {}
            try:
                with session.get(
                    url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
                ) as response:
                    by = response.headers.get("x-served-by")
                    heard = f"{response.status_code}" + (f" from {by[:80]}" if by else "")
                    return response.status_code in HEALTHY, heard
            except (requests.RequestException, ValueError) as error:
                return False, f"no answer: {type(error).__name__}"

    def _resolve(self, resolver: tuple[str, int], name: str, target: str) -> DnsAnswer:
        asked = dns.resolver.Resolver(configure=False)
        asked.nameservers, asked.port = [resolver[0]], resolver[1]
        asked.lifetime = TIMEOUT_SECONDS
        label = f"{resolver[0]}:{resolver[1]}"
        try:
            found = asked.resolve(name, "A")
        except dns.exception.DNSException as error:
            said = isinstance(error, dns.resolver.NXDOMAIN | dns.resolver.NoAnswer)
            text = f"no answer: {type(error).__name__}"
            return DnsAnswer(resolver=label, answer=text, ok=False, heard=said)
        path = [*_aliases(found), *sorted(str(record) for record in found)]
        ok = target.rstrip(".").casefold() in (part.casefold() for part in path)
        return DnsAnswer(resolver=label, answer=" ".join(path), ok=ok)


def _aliases(found: dns.resolver.Answer) -> list[str]:
    """Return every name that the asked one leads to: the target may itself be an alias."""
    sets = (records for records in found.response.answer if records.rdtype == dns.rdatatype.CNAME)
    return [str(record.target).rstrip(".") for records in sets for record in records]
