"""Requests made of the API's document: Schemathesis draws cases, good and bad, and each is asked in eight forms."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.triggers.test_bad_input import BODIES, PARTS

Json = dict[str, Any]
Case = schemathesis.Case[Any]
# What the client sets itself, or what is new each time and says nothing.
SELF_SET = {"content-length", "connection", "accept-encoding", "x-schemathesis-testcaseid"}
BASE = "http://127.0.0.1"
FORMS = 8
# A well-formed request may still be about what is not there, or cannot be had now.
FINE_IF_WELL_FORMED = ["2xx", "404", "409", "422", "502"]
FINE_IF_ILL_FORMED = ["400", "401", "404", "409", "413", "415", "422"]
ODD_HEADERS = (
    "Accept",
    "Content-Encoding",
    "Content-Type",
    "Cookie",
    "Forwarded",
    "Origin",
    "Range",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-HTTP-Method-Override",
    "X-MS-CLIENT-PRINCIPAL",
    "traceparent",
    "tracestate",
)
ODD_TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "null",
    "%",
    "%zz",
    "\t",
    "' OR 1=1 --",
    "../..",
    "{{7*7}}",
    "é\xff",
    "a" * 300,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it goes over the wire; ``case`` is what it was made of, if it was left as drawn."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    case: Case | None = None
    prepared: requests.PreparedRequest | None = None

    @property
    def mark(self) -> int:
        """Return what tells requests apart."""
        return hash((self.method, self.target, tuple(sorted(self.headers.items())), self.body))

    def __str__(self) -> str:
        return f"{self.method} {self.target[:200]} {dict(self.headers)} {self.body[:300]!r}"


@dataclass(frozen=True, slots=True)
class Names:
    """What is really there, so that requests lead somewhere: parts of paths, and values of a body's keys."""

    parts: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, tuple[Any, ...]]


class Source:
    """Draws cases for the operations of a document; the same seed draws the same."""

    def __init__(self, document: Json) -> None:
        schema = schemathesis.openapi.from_dict(document)
        # Who calls is the fuzzer's business, not the generator's.
        schema.config.generation.update(with_security_parameters=False)
        judged = schema.config.checks
        judged.positive_data_acceptance.expected_statuses = FINE_IF_WELL_FORMED
        judged.negative_data_rejection.expected_statuses = FINE_IF_ILL_FORMED
        self._operations = {op.label: op for op in map(_whole, schema.get_all_operations())}

    def labels(self) -> list[str]:
        """Return what can be asked: method and path."""
        return list(self._operations)

    def draw(self, label: str, count: int, number: int) -> list[Case]:
        """Return that many cases at most, half of them well-formed; ``number`` is the seed."""
        drawn: list[Case] = []
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = self._operations[label].as_strategy(generation_mode=mode)

            @seed(number)
            @settings(
                max_examples=max(1, count // 2),
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )
            @given(strategy)
            def collect(case: Case) -> None:
                drawn.append(case)

            with suppress(
                Unsatisfiable
            ):  # without parameters and body there is nothing to get wrong
                collect()
        return drawn


def _whole(found: Any) -> Any:
    """Return an operation that could be read; the document has no others."""
    return found.ok()


def forms(case: Case, names: Names, dice: random.Random) -> Iterator[Asked]:
    """Yield a case in its forms: as drawn, about what is there, with odd things around it, and broken."""
    drawn = _as_drawn(case)
    yield drawn
    for _ in range(2):
        placed = _placed(case, drawn, names, dice)
        yield placed
        yield _with_oddities(placed, dice)
        yield _broken(placed, dice) if case.method == "POST" else _misled(case, placed, dice)
    yield _with_oddities(drawn, dice)


def _as_drawn(case: Case) -> Asked:
    given_ = case.as_transport_kwargs(base_url=BASE)
    given_.pop("cookies", None)
    prepared = requests.Request(**given_).prepare()
    return _of(prepared, case)


def _of(prepared: requests.PreparedRequest, case: Case | None) -> Asked:
    parts = urlsplit(prepared.url or "")
    body = prepared.body or b""
    return Asked(
        method=str(prepared.method),
        target=parts.path + (f"?{parts.query}" if parts.query else ""),
        headers={
            str(name): str(value)
            for name, value in prepared.headers.items()
            if name.lower() not in SELF_SET
        },
        body=body.encode() if isinstance(body, str) else bytes(body),
        case=case,
        prepared=prepared,
    )


def _placed(case: Case, drawn: Asked, names: Names, dice: random.Random) -> Asked:
    """Return the request about plans, runs and gates that are there."""
    path = case.path
    for part, values in names.parts.items():
        path = path.replace(f"{{{part}}}", quote(dice.choice(values), safe=""))
    query = drawn.target.partition("?")[2]
    body = drawn.body
    if isinstance(case.body, dict):
        known = {key: dice.choice(values) for key, values in names.keys.items() if key in case.body}
        if case.path.endswith("/teams"):  # Teams numbers its messages, and each is taken once
            known["id"] = str(dice.getrandbits(64))
        body = json.dumps({**case.body, **known}, default=str).encode()
    target = path + (f"?{query}" if query else "")
    return replace(drawn, target=target, body=body, case=None, prepared=None)


def _with_oddities(asked: Asked, dice: random.Random) -> Asked:
    """Return the request with headers and a query that nobody asked for."""
    odd = {dice.choice(ODD_HEADERS): dice.choice(ODD_TEXTS) for _ in range(dice.randint(1, 3))}
    more = f"{quote(dice.choice(ODD_TEXTS))}={quote(_text(dice))}"
    join = "&" if "?" in asked.target else "?"
    return replace(
        asked,
        target=f"{asked.target}{join}{more}",
        headers={**asked.headers, **odd},
        case=None,
        prepared=None,
    )


def _broken(asked: Asked, dice: random.Random) -> Asked:
    """Return the request with its body broken."""
    breaks: tuple[Callable[[bytes], bytes], ...] = (
        lambda body: body[: dice.randrange(len(body) + 1)],
        lambda body: b"[" + body + b"]",
        lambda body: b'{"reason":' * dice.randint(1, 60) + body + b"}" * dice.randint(1, 60),
        lambda body: body.replace(b"{", b'{"a":1,"a":2,', 1),
        lambda body: _flipped(body, dice),
        lambda body: body.replace(b":", b":NaN,", 1),
        lambda body: dice.choice([each[0] for each in BODIES.values() if len(each[0]) < 2000]),
        lambda body: body + body,
        lambda body: dice.randbytes(dice.randint(1, 60)),
    )
    kinds = (
        asked.headers.get("Content-Type", "application/json"),
        "application/json",
        "text/plain",
        "x",
    )
    kind = dice.choices(kinds, (8, 4, 1, 1))[0]
    return replace(
        asked,
        body=dice.choice(breaks)(asked.body or b"{}"),
        headers={**asked.headers, "Content-Type": kind},
        case=None,
        prepared=None,
    )


def _misled(case: Case, asked: Asked, dice: random.Random) -> Asked:
    """Return the request with a part of its path that no name is, or with a query or body it has no use for."""
    path, _, query = asked.target.partition("?")
    parts = path.split("/")
    if "{" in case.path:
        spot = dice.choice(
            [n for n, part in enumerate(case.path.split("/")) if part.startswith("{")]
        )
        parts[spot] = dice.choice((*PARTS, quote(_text(dice), safe="")))
    else:
        query = "&".join(f"{quote(_text(dice))}={quote(_text(dice))}" for _ in range(3))
    body = dice.choice((b"", b"", b"{}", _text(dice).encode()))
    target = "/".join(parts) + (f"?{query}" if query else "")
    return replace(asked, target=target, body=body, case=None, prepared=None)


def _flipped(body: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(body) or 1)
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def _text(dice: random.Random) -> str:
    return "".join(
        chr(dice.choice((dice.randrange(32, 127), dice.randrange(0x4FF))))
        for _ in range(dice.randint(1, 12))
    )
