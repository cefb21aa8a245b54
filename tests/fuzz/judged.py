"""One operation fuzzed and judged: no answer of 5xx, none that is not told of, no change without the right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Any

from schemathesis import Response
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from domain.caller import Role
from tests.contract import Contract
from tests.fuzz.asked import FORMS, Asked, Source, forms
from tests.fuzz.ground import EVERY_ROLE, Ground, Heard, slack_proof, teams_proof
from tests.journeys.callers import ALICE, BOB
from tests.triggers.test_bad_input import INTERNALS

CHUNK = 40
MOST_SHOWN = 5
Proof = Callable[[bytes], dict[str, str]]
CHECKS: list[CheckFunction] = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
]


@dataclass
class Figures:
    """What came of one operation's cases."""

    label: str
    cases: int = 0
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    def found(self, what: str, asked: Asked | None) -> None:
        """Keep a finding with the request that shows it."""
        self.statuses["findings"] += 1
        if len(self.findings) < MOST_SHOWN:
            self.findings.append(f"{self.label}: {what}\n    {asked or ''}")


@dataclass(frozen=True)
class Callers:
    """Who sends the requests to one operation: outsiders, in turn of each kind, and an insider who may."""

    outsiders: tuple[tuple[Proof, ...], ...]
    insider: Proof
    guarded: bool
    by_token: bool

    def at(self, position: int) -> Iterator[Proof]:
        """Yield the outsiders who send a request: one of each kind, in turn."""
        for kind in self.outsiders:
            yield kind[position % len(kind)]


def callers_of(operation: Mapping[str, Any], here: Ground) -> Callers:
    """Return the callers of an operation, as its security has it."""
    (needed,) = operation["security"]
    none: Proof = lambda body: {}  # noqa: E731
    forged: Proof = lambda body: {"Authorization": "Bearer aaaa.bbbb.cccc"}  # noqa: E731
    if "slackSignature" in needed:
        return Callers(((none, lambda body: slack_proof(body + b"x")),), slack_proof, True, False)
    if "teamsSignature" in needed:
        return Callers(((none, lambda body: teams_proof(body + b"x")),), teams_proof, True, False)
    if "entra" not in needed:
        return Callers(((none, forged),), none, False, False)
    (role,) = needed["entra"]
    too_low = Role.SIGNAL.value if role == Role.READ.value else Role.READ.value
    who = BOB if role == Role.APPROVE.value else ALICE
    lowly, allowed = here.token(ALICE, [too_low]), here.token(who, EVERY_ROLE)
    return Callers(((none, forged), (lambda body: lowly,)), lambda body: allowed, True, True)


def fuzz(
    label: str, cases: int, here: Ground, source: Source, contract: Contract, number: int
) -> Figures:
    """Send that many cases to an operation, each by outsiders and by an insider, and return what came of it."""
    figures = Figures(label)
    method, _, path = label.partition(" ")
    callers = callers_of(contract.document["paths"][path][method.lower()], here)
    # What a chat sends is the chat's to say: of its bodies the document tells only what is read.
    own = CHECKS if callers.by_token else CHECKS[:-1]
    judge = Judge(figures, contract, own)
    dice = random.Random(f"{label} {number}")
    known: set[int] = set()
    while figures.cases < cases:
        names = here.refresh(waits="{id}" in path)
        wanted = min(CHUNK, -(-(cases - figures.cases) // FORMS))
        drawn = source.draw(label, wanted, dice.getrandbits(32))
        # Where there is little to draw, it is the odd things around it that make the cases.
        drawn = [drawn[n % len(drawn)] for n in range(max(wanted, len(drawn)))]
        asked = []
        for one in (form for case in drawn for form in forms(case, names, dice)):
            if one.mark not in known:  # the first of its kind is the one as it was drawn
                known.add(one.mark)
                asked.append(one)
        _outside(asked, callers, here, judge)
        for position, one in enumerate(asked):
            heard = here.send(one, callers.insider(one.body))
            judge.judge(one, heard, insider=True)
            here.pass_time()
            if position % 40 == 39:
                here.free()
        figures.cases += len(asked)
    return figures


def _outside(asked: Sequence[Asked], callers: Callers, here: Ground, judge: Judge) -> None:
    """Let outsiders send the requests, and hold all that is kept before against what is kept after."""
    before = here.state()
    for position, one in enumerate(asked):
        for outsider in callers.at(position):
            heard = here.send(one, outsider(one.body))
            judge.judge(one, heard, insider=not callers.guarded)
            if callers.guarded and heard is not None and heard.status < 400:
                judge.figures.found(f"{heard.status} without the right", one)
    if here.state() == before:
        return
    for position, one in enumerate(asked):  # which of them was it?
        for outsider in callers.at(position):
            before = here.state()
            here.send(one, outsider(one.body))
            after = here.state()
            changed = [part for part in before if before[part] != after[part]]
            if changed:
                judge.figures.found(f"{', '.join(changed)} changed without the right", one)
                return
    judge.figures.found("something changed without the right, but not again", None)


@dataclass
class Judge:
    """Holds answers against the document, and those to unaltered cases against Schemathesis' own checks."""

    figures: Figures
    contract: Contract
    checks: list[CheckFunction]

    def judge(self, asked: Asked, heard: Heard | None, insider: bool) -> None:
        """Count an answer, and keep what is wrong with it."""
        figures = self.figures
        if heard is None:
            figures.statuses["not sendable"] += 1
            return
        figures.requests += 1
        figures.statuses[str(heard.status)] += 1
        figures.slowest_seconds = max(figures.slowest_seconds, heard.seconds)
        if heard.status >= 500:
            figures.found(f"{heard.status}: {heard.content[:300]!r}", asked)
            return
        if not heard.content and heard.status in (400, 404):
            return  # the platform's own answer: no route of ours is meant
        # A .. is resolved on the way: it is another route that answers.
        path = normpath(asked.target.partition("?")[0])
        template = self.contract.template(asked.method, path)
        if template is None:
            return  # the path leads elsewhere, or to what the host resolves
        text = heard.content.decode("utf-8", "replace")
        leaked = [word for word in INTERNALS if word in text] if heard.status >= 400 else []
        if leaked:
            figures.found(f"{heard.status} tells of {leaked}: {text[:300]}", asked)
        said = self.contract.objection(
            asked.method, template, heard.status, heard.headers, heard.content
        )
        if said:
            figures.found(said, asked)
        if insider and asked.case is not None and asked.prepared is not None:
            self._check(asked, heard)

    def _check(self, asked: Asked, heard: Heard) -> None:
        assert asked.case is not None
        assert asked.prepared is not None
        response = Response(
            status_code=heard.status,
            headers={name: [value] for name, value in heard.headers.items()},
            content=heard.content,
            request=asked.prepared,
            elapsed=heard.seconds,
            verify=True,
        )
        try:
            asked.case.validate_response(response, checks=self.checks)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self.figures.found(f"{failure.title}: {failure.message[:300]}", asked)
