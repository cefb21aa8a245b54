"""Every URL and address that a plan would have asked or called, held against the plan's reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import parse_qsl, urlsplit

from domain.action import HttpCall
from domain.gate import Probe
from domain.model import Model
from domain.reach import Reach, closed, host_of, literal
from domain.route import Traffic

if TYPE_CHECKING:
    from domain.plan import Plan
    from domain.plan_rules import Place


TALKING = (Probe, HttpCall, Traffic)
SECRET_HEADER = re.compile(r"auth|cookie|token|secret|password|key$|^x-functions-key$", re.I)
SECRET_PARAMETER = re.compile(r"code|sig|(.*[_-])?(token|key|secret|password|apikey)", re.I)
UNSAID = (
    "reach is missing: it is the list of hosts, *.suffixes and networks that this plan may talk to"
)


@dataclass(frozen=True, slots=True)
class Called:
    """One URL or address of a plan: where it stands, and whether data is sent there."""

    place: Place
    text: str
    host: str | None
    sent: bool = False


def called_by(plan: Plan) -> Iterator[Called]:
    """Yield every URL and address in a plan."""
    for place, part in parts_of(plan):
        if isinstance(part, Probe):
            text = part.tcp or str(part.http)
            key, host = (
                ("tcp", host_of(f"tcp://{part.tcp}")) if part.tcp else ("http", host_of(text))
            )
            yield Called((*place, key), text, host)
        elif isinstance(part, HttpCall):
            yield Called((*place, "url"), part.url, host_of(part.url), sent=True)
        elif isinstance(part, Traffic):
            yield Called((*place, "verify"), part.verify, host_of(part.verify))


def parts_of(part: Any, place: Place = ()) -> Iterator[tuple[Place, Model]]:
    """Yield every model in a part of a plan that leads to somebody it talks to, itself first, and where it stands."""
    if isinstance(part, Model):
        yield place, part
        for name in _ways(type(part)):
            yield from parts_of(getattr(part, name), (*place, name))
    elif isinstance(part, tuple):
        for number, inner in enumerate(part):
            yield from parts_of(inner, (*place, number))


@cache
def _ways(model: type[Model]) -> tuple[str, ...]:
    """Return the fields below which somebody is talked to: a plan of a thousand machines is read in every turn."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        if any(issubclass(one, TALKING) or _ways(one) for one in _models_in(field.annotation))
    )


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def told_openly(plan: Plan) -> Iterator[tuple[Place, str]]:
    """Yield where an action holds what looks like a secret: a plan is read by many, and kept in every record."""
    for place, part in parts_of(plan):
        if not isinstance(part, HttpCall):
            continue
        for name in part.headers:
            if SECRET_HEADER.search(name):
                yield (
                    (*place, "headers", name),
                    f"header {name} holds a secret, and a plan is no place for one; write the name of one of the app's "
                    "action secrets under `secrets`",
                )
        for name, _ in parse_qsl(urlsplit(part.url).query, keep_blank_values=True):
            if SECRET_PARAMETER.fullmatch(name):
                yield (
                    (*place, "url"),
                    f"the URL's {name}= holds a secret, and a plan is no place for one; send it as a header under "
                    "`secrets`, or call by a runbook",
                )


def outside(plan: Plan) -> Iterator[tuple[Place, str]]:
    """Yield the place of every URL that the plan's reach does not let through, and what is wrong with it."""
    reach = Reach.of(plan.reach)
    for one in called_by(plan):
        if one.host is None:
            yield (
                one.place,
                f"{one.text!r} names no host that everybody reads alike; write host and port plainly",
            )
            continue
        why = reach.refuses(one.host, sent=one.sent)
        if why:
            address = literal(one.host)
            mend = (
                "ask the application at an address of its own"
                if address and closed(address)
                else f"add {one.host} to reach, or mend the URL"
            )
            yield one.place, f"{one.text}: {why}; {mend}"


def beyond(plan: Plan, bounds: Reach) -> Iterator[tuple[Place, str]]:
    """Yield the places of a plan's reach that reach further than any plan's may."""
    for number, place in enumerate(plan.reach or ()):
        if not bounds.holds(place):
            yield (
                ("reach", number),
                f"{place} is beyond {bounds.whose}; remove it, or have it added there",
            )


def unsaid(plan: Plan) -> str:
    """Return what to write into a plan that names no reach; a person has to look at every line of it."""
    hosts = dict.fromkeys(one.host for one in called_by(plan) if one.host)
    return f"{UNSAID}; its URLs name {', '.join(hosts)}: write those that it should talk to under `reach:`"
