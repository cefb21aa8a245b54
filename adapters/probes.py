"""Leeward's own questions to the application and to the resolvers of the world: TCP, HTTP and DNS.

A probe is short, never follows a redirect and never raises: what it heard, or why it heard nothing, is its answer.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.rdatatype
import dns.resolver
import requests

from adapters.egress import Egress, OutsideReach, Unreached
from domain.gate import Probe
from domain.reach import Reach
from domain.run import DnsAnswer, ProbeAnswer

# For all of one probe: the look-up, every address of the host, the connection, the answer.
TIMEOUT_SECONDS = 5.0
AT_ONCE = 16
HEALTHY = range(200, 400)


class NetworkProbes:
    """Asks from where the egress stands."""

    def __init__(self, egress: Egress, resolvers: Sequence[tuple[str, int]]) -> None:
        self._egress = egress
        self._resolvers = tuple(resolvers)

    def ask(self, probes: Sequence[Probe], reach: Reach) -> tuple[ProbeAnswer, ...]:
        """Ask every probe once that the reach lets through, side by side; return what each heard, in order."""
        if not probes:
            return ()
        with ThreadPoolExecutor(min(AT_ONCE, len(probes))) as pool:
            return tuple(pool.map(lambda probe: self._one(probe, reach), probes))

    def leads_to(self, name: str, target: str) -> tuple[DnsAnswer, ...]:
        """Ask every resolver where ``name`` leads, and whether that is ``target``."""
        with ThreadPoolExecutor(len(self._resolvers)) as pool:
            return tuple(pool.map(lambda r: self._resolve(r, name, target), self._resolvers))

    def _one(self, probe: Probe, reach: Reach) -> ProbeAnswer:
        try:
            ok, heard = (
                self._tcp(probe.tcp, reach) if probe.tcp else self._http(str(probe.http), reach)
            )
        except OutsideReach as refused:
            heard = f"not asked: {refused.message}"
            return ProbeAnswer(probe=str(probe), ok=False, heard=heard, asked=False)
        return ProbeAnswer(probe=str(probe), ok=ok, heard=heard)

    def _tcp(self, address: str, reach: Reach) -> tuple[bool, str]:
        host, _, port = address.rpartition(":")
        try:
            self._egress.knock(host, int(port), reach, TIMEOUT_SECONDS)
        except (OSError, ValueError, OverflowError, http.client.HTTPException) as error:
            # Beside what the network refuses: a name or a port that cannot be.
            return False, f"no connection: {error}"
        return True, "connected"

    def _http(self, url: str, reach: Reach) -> tuple[bool, str]:
        try:
            with (
                self._egress.session(url, reach, TIMEOUT_SECONDS) as session,
                session.get(
                    url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
                ) as response,
            ):
                by = response.headers.get("x-served-by")
                heard = f"{response.status_code}" + (f" from {by[:80]}" if by else "")
                return response.status_code in HEALTHY, heard
        except (requests.RequestException, ValueError) as error:
            return False, f"no answer: {type(error).__name__}{_tried(error)}"

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


def _tried(error: Exception) -> str:
    """Return which connections came to nothing, each with its reason; nothing where there was one."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    cause = getattr(reason, "__cause__", None)
    return f": {cause}" if isinstance(cause, Unreached) else ""


def _aliases(found: dns.resolver.Answer) -> list[str]:
    """Return every name that the asked one leads to: the target may itself be an alias."""
    sets = (records for records in found.response.answer if records.rdtype == dns.rdatatype.CNAME)
    return [str(record.target).rstrip(".") for records in sets for record in records]
