"""What the app must be told before it can start; a missing setting stops it, and all are named at once."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from adapters.action_secrets import ActionSecrets
from adapters.chat_settings import CHAT, UNRESOLVED, ChatSettings
from adapters.places import ContainerUrl, folder_or_container
from domain.reach import EVERYWHERE, Places, Reach

REQUIRED = {
    "ARM_ENDPOINT": "the resource manager, https://management.azure.com in Azure's public cloud",
    "OBSERVE_CLIENT_ID": "the client id of the user-assigned managed identity that looks",
    "DRILL_CLIENT_ID": "the client id of the user-assigned managed identity that rehearses",
    "FAILOVER_CLIENT_ID": "the client id of the user-assigned managed identity that fails over",
    "ENTRA_TENANT_ID": "the id of the tenant whose people and apps may call",
    "ENTRA_CLIENT_ID": "the client id of the app registration that callers get tokens for",
    "PLAN_STORE": "the folder or the container's URL that holds the plans, one YAML file each",
    "EVIDENCE_STORE": "the folder or the container's URL that takes the evidence of every run",
}
OPTIONAL = {
    "ARM_AUDIENCE": "whom tokens for the resource manager are made out to; sovereign clouds have their own",
    "ENTRA_AUTHORITY": "where the tenant's tokens come from; sovereign clouds have their own",
    "REQUESTS_PER_MINUTE": "how many requests one caller may send; alerts are never turned away",
    "DNS_RESOLVERS": "the resolvers that are asked where users are sent, as ip or ip:port, by commas",
    "PROBE_PROXY": "the forward proxy that the probes of gates go through, if the network needs one",
    "VANTAGE_POINTS": "where probes are sent from beside here: name=forward proxy there, by commas",
    "LEDGER": "the folder or the container's URL that all apps of a pair share; without it a folder of the evidence, "
    "for one app alone",
    "STANCE": "active, or standby for a second app that does nothing by itself but what people ask it for",
    "KILL_SWITCH": "on, or the reason for it, keeps every run from moving by itself; people's runs go on",
    "EVENT_TOPIC_ENDPOINT": "the Event Grid topic that Leeward's own events go to",
    "REACH": "the most that any plan's reach may name: hosts, *.suffixes, networks, by commas; unset, plans say alone",
    "ACTION_SECRETS": "the secrets that actions may send, and the one host of each: name=host, by commas",
    **CHAT,
}
IDENTITIES = ("OBSERVE_CLIENT_ID", "DRILL_CLIENT_ID", "FAILOVER_CLIENT_ID")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLACES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Places)
_POINT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
BOUNDS = "the app's setting REACH"
PUBLIC_AUDIENCE = "https://management.azure.com"
PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
USUAL_PACE = 600
STANCES = ("active", "standby")
PUBLIC_RESOLVERS = "1.1.1.1,8.8.8.8,9.9.9.9"


class SettingsMissing(Exception):
    """The app cannot start: settings are missing or unusable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The app's settings, read once at start."""

    arm_endpoint: str
    arm_audience: str
    observe_client_id: str
    drill_client_id: str
    failover_client_id: str
    plan_store: Path | ContainerUrl
    evidence_store: Path | ContainerUrl
    ledger: Path | ContainerUrl
    entra_tenant: str
    entra_client_id: str
    resolvers: tuple[tuple[str, int], ...]
    entra_authority: str = PUBLIC_AUTHORITY
    requests_per_minute: int = USUAL_PACE
    app: str = "here"
    region: str | None = None
    standby: bool = False
    probe_proxy: str | None = None
    event_topic: str | None = None
    chat: ChatSettings = field(default_factory=ChatSettings)
    action_secrets: ActionSecrets = field(default_factory=ActionSecrets)
    bounds: Reach = EVERYWHERE
    vantage_points: tuple[tuple[str, str], ...] = ()

    @property
    def places(self) -> dict[str, str]:
        """Return where what the app needs is kept, and the app itself, by the setting that says so."""
        said = {
            "PLAN_STORE": self.plan_store,
            "EVIDENCE_STORE": self.evidence_store,
            "LEDGER": self.ledger,
            "EVENT_TOPIC_ENDPOINT": self.event_topic,
            "PROBE_PROXY": self.probe_proxy,
            "REGION_NAME": self.region,
        }
        return {
            key: str(value) for key, value in said.items() if value and not isinstance(value, Path)
        }

    @classmethod
    def read(cls, environ: Mapping[str, str], app: Path = Path()) -> Settings:
        """Return the settings of the environment; folders that are not absolute lie in the app's own.

        Raises SettingsMissing with a sentence for every key that is missing or wrong.
        """
        wrong = [
            f"{key} is not set: it is {meaning}"
            for key, meaning in REQUIRED.items()
            if not environ.get(key, "").strip()
        ]
        wrong += [
            f"{key}: its Key Vault reference was not resolved; look at the identity's rights on the vault"
            for key, value in sorted(environ.items())
            if value.strip().startswith(UNRESOLVED)
        ]
        resolvers = []
        for entry in (environ.get("DNS_RESOLVERS") or PUBLIC_RESOLVERS).split(","):
            host, _, port = entry.strip().partition(":")
            if _is_ip(host) and (not port or (port.isdecimal() and 0 < int(port) < 65536)):
                resolvers.append((host, int(port or 53)))
            else:
                wrong.append(f"DNS_RESOLVERS: {entry!r} is no resolver; write ip or ip:port")
        points = []
        for entry in filter(None, environ.get("VANTAGE_POINTS", "").strip().split(",")):
            name, _, proxy = entry.strip().partition("=")
            if _POINT.fullmatch(name) and _has_host(proxy):
                points.append((name, proxy))
            else:
                wrong.append(
                    f"VANTAGE_POINTS: {entry!r} is no vantage point; write name=http://proxy:port"
                )
        for key in ("ARM_ENDPOINT", "ARM_AUDIENCE", "EVENT_TOPIC_ENDPOINT", "PROBE_PROXY"):
            value = environ.get(key, "").strip()
            if value and not _has_host(value):
                wrong.append(f"{key}: {value!r} is no URL; write it with its https://")
        authority = environ.get("ENTRA_AUTHORITY", "").strip() or PUBLIC_AUTHORITY
        if not (_has_host(authority) and authority.startswith("https://")):
            wrong.append(f"ENTRA_AUTHORITY: {authority!r} is no https:// URL; keys come from there")
        for key in ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID"):
            value = environ.get(key, "").strip()
            if value and not _GUID.fullmatch(value):
                wrong.append(f"{key}: {value!r} is no GUID; names and domains are not in tokens")
        wrong += _shared(environ)
        pace = environ.get("REQUESTS_PER_MINUTE", "").strip() or str(USUAL_PACE)
        if not (pace.isascii() and pace.isdecimal() and int(pace[:9]) > 0):
            wrong.append(f"REQUESTS_PER_MINUTE: {pace!r} is no whole number above 0")
        stance = environ.get("STANCE", "").strip() or STANCES[0]
        if stance not in STANCES:
            wrong.append(f"STANCE: {stance!r} is no stance; write {' or '.join(STANCES)}")
        plans, evidence, ledger = (
            folder_or_container(environ, key, app, wrong)
            for key in ("PLAN_STORE", "EVIDENCE_STORE", "LEDGER")
        )
        if isinstance(plans, Path) and not plans.is_dir():
            folder = environ.get("PLAN_STORE", "").strip()
            wrong.append(
                f"PLAN_STORE: there is no folder {folder!r}; name the one that holds the plans"
            )
        if not environ.get("LEDGER", "").strip():
            if isinstance(evidence, ContainerUrl):
                wrong.append(
                    "LEDGER is not set: the evidence lies in a container where nothing may change; "
                    "name another container for the ledger"
                )
            else:
                ledger = evidence / "ledger"
        chat = ChatSettings.read(environ, app, wrong)
        action_secrets = ActionSecrets.read(environ, wrong)
        bounds = _bounds(environ.get("REACH", ""), wrong)
        if wrong:
            keys = "\n  ".join(wrong)
            raise SettingsMissing(f"Leeward does not start; mend these app settings:\n  {keys}")
        return cls(
            arm_endpoint=environ["ARM_ENDPOINT"].strip().rstrip("/"),
            arm_audience=(environ.get("ARM_AUDIENCE", "").strip() or PUBLIC_AUDIENCE).rstrip("/"),
            observe_client_id=environ["OBSERVE_CLIENT_ID"].strip(),
            drill_client_id=environ["DRILL_CLIENT_ID"].strip(),
            failover_client_id=environ["FAILOVER_CLIENT_ID"].strip(),
            entra_tenant=environ["ENTRA_TENANT_ID"].strip().lower(),
            entra_client_id=environ["ENTRA_CLIENT_ID"].strip().lower(),
            entra_authority=authority.rstrip("/"),
            requests_per_minute=int(pace[:9]),
            app=_own_name(environ),
            region=environ.get("REGION_NAME", "").strip() or None,
            standby=stance == "standby",
            plan_store=plans,
            evidence_store=evidence,
            ledger=ledger,
            resolvers=tuple(resolvers),
            probe_proxy=environ.get("PROBE_PROXY", "").strip() or None,
            vantage_points=tuple(points),
            event_topic=environ.get("EVENT_TOPIC_ENDPOINT", "").strip() or None,
            chat=chat,
            action_secrets=action_secrets,
            bounds=bounds,
        )


def _shared(environ: Mapping[str, str]) -> list[str]:
    """Return the identities that are one and the same: a drill could then do whatever a failover may."""
    first: dict[str, str] = {}
    said = []
    for key in IDENTITIES:
        client = environ.get(key, "").strip().lower()
        if client and first.setdefault(client, key) != key:
            said.append(
                f"{key} is the identity of {first[client]}; give each the client id of its own"
            )
    return said


def _own_name(environ: Mapping[str, str]) -> str:
    """Return what this app is called among those that share a ledger: its site's name on Azure, else the machine's."""
    site = environ.get("WEBSITE_SITE_NAME", "").strip() or socket.gethostname()
    slot = environ.get("WEBSITE_SLOT_NAME", "").strip()
    return f"{site}-{slot}" if slot and slot.casefold() != "production" else site


def _bounds(text: str, wrong: list[str]) -> Reach:
    places = [place.strip() for place in text.split(",") if place.strip()]
    try:
        return Reach.of(_PLACES.validate_python(places), BOUNDS) if places else EVERYWHERE
    except ValidationError as error:
        wrong += [f"REACH: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        return EVERYWHERE


def _is_ip(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
