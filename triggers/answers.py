"""What the HTTP API answers with: the models of its bodies; times are UTC in ISO 8601, durations are seconds.

A body has the keys of its model and no others: a test holds every answer of the suite against them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.asr_drift import Drift
from domain.guardrails import Pulled
from domain.incident import Incident
from domain.period import Obstacle, PeriodState, Rehearsal
from domain.plan import Plan
from domain.request import Kind
from domain.run import Readiness
from domain.signals import Signal
from domain.stance import Said
from domain.standstill import Finding
from domain.verdict import Colour

Href = Annotated[str, Field(description="Where to look at it: a path below the app's host.")]
Digest = Annotated[str, Field(description="The SHA-256 of the plan as it is carried out, in hex.")]
Names = Annotated[list[str], Field(description="Names, in order.")]


class Answer(BaseModel):
    """What this app says: its keys are camelCase, and there are no others."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )


class Mistake(Answer):
    """One thing that is wrong with a plan file, and in which line."""

    line: int
    what: str


class Problem(BaseModel):
    """Why nothing came of a request (RFC 9457); ``detail`` names what is wrong and the mend.

    ``holder`` is the run that holds the application, with its ``app`` and ``since`` when where that is another one;
    ``mistakes`` are those of a plan file, ``number`` is what the log has more under.
    """

    model_config = ConfigDict(extra="forbid")

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    holder: str | None = None
    app: str | None = None
    since: AwareDatetime | None = None
    mistakes: list[Mistake] | None = None
    number: str | None = None


# -- plans ---------------------------------------------------------------------------------


class PlanInShort(Answer):
    """A plan that is valid, in short."""

    name: str
    valid: Literal[True]
    application: str
    description: str
    source: Annotated[str, Field(description="The region that is protected.")]
    target: Annotated[str, Field(description="The region that it moves to.")]
    tiers: Names
    machines: int
    depends_on: Names
    digest: Digest
    href: Href


class BrokenPlan(Answer):
    """A plan file that is not valid."""

    name: str
    valid: Literal[False]
    mistakes: list[Mistake]


class PlansShown(Answer):
    """Every plan."""

    plans: list[PlanInShort | BrokenPlan]


class PlanShown(PlanInShort):
    """A plan whole, and the run that holds its application, with its app where that is another one."""

    held_by: str | None
    held_by_app: str | None
    plan: Plan


class ReadinessShown(Readiness):
    """What stands in the way of a run of this kind, by a look at Azure just now."""

    model_config = ConfigDict(extra="forbid")

    plan: str
    kind: Kind


class VerdictShown(Answer):
    """The last verdict on a plan's readiness; ``number`` counts its changes."""

    plan: str
    number: int
    colour: Colour
    reasons: Names
    since: AwareDatetime
    looked_at: AwareDatetime
    read_at: AwareDatetime | None
    before: Colour | None
    trouble: str | None
    digest: str


class VerdictsShown(Answer):
    """The last verdict on every plan that has been looked at."""

    verdicts: list[VerdictShown]


class TierNamed(Answer):
    """A tier and its machines."""

    name: str
    members: Names


class PlanChecked(Answer):
    """A plan file that is valid."""

    plan: str
    digest: Digest
    tiers: list[TierNamed]


class PlanImported(Answer):
    """The plan file that a recovery plan of Azure's makes, and what is left to a person."""

    name: str
    text: Annotated[str, Field(description="The plan file, in YAML.")]
    to_fill_in: list[Mistake]
    notes: list[str]


class DriftShown(Answer):
    """How Azure's recovery plans differ from what a push would make of them."""

    plan: str
    recovery_plans: Names
    drift: list[Drift]
    not_of_azure: Annotated[list[str], Field(description="The actions that Azure cannot hold.")]


class PushedPlan(Answer):
    """One recovery plan of Azure's after a push; ``job`` is the one that changes it."""

    name: str
    job: str | None
    was: Literal["pushed", "as wanted"]


class PlanPushed(Answer):
    """What a push came to; ``toName`` are the recovery plans that the plan file should name, and does not."""

    plan: str
    recovery_plans: list[PushedPlan]
    not_of_azure: list[str]
    to_name: Names
    begun: Annotated[
        str | None, Field(description="The run that began to act meanwhile, null where none did.")
    ]


# -- what goes on by itself ----------------------------------------------------------------


class PeriodShown(Answer):
    """One time that a drill was due, and what became of it."""

    plan: str
    kind: Rehearsal
    due: AwareDatetime
    state: PeriodState
    at: AwareDatetime
    run: str | None
    outcome: str | None
    because: str | None
    told: bool


class ScheduleShown(Answer):
    """When a plan is rehearsed by itself; ``grace`` is an ISO 8601 duration, ``next`` are the coming times."""

    plan: str
    when: str
    zone: str
    kind: Rehearsal
    skip_when: Annotated[list[Obstacle], Field(alias="skip_when")]
    grace: str
    looked_at: AwareDatetime | None
    trouble: str | None
    blackout: str | None
    next: list[AwareDatetime]
    periods: list[PeriodShown]


class SchedulesShown(Answer):
    """Every plan with a schedule."""

    schedules: list[ScheduleShown]


class FindingsShown(Answer):
    """A page of what the watchdog has found, newest runs first; ``next`` is the next page, null on the last."""

    findings: list[Finding]
    next: str | None


class ActingOn(Answer):
    """Who acts on an application: the fencing token, and the run with its app where the ledger can say so."""

    token: int
    app: str | None
    run: str | None
    since: AwareDatetime | None


class ActingShown(Answer):
    """This app's name and stance, and by application who acts on it, in whichever app."""

    app: str
    stance: Literal["active", "standby"]
    acting: dict[str, ActingOn | None]


class Unused(Answer):
    """An event that was not acted on, and why."""

    id: str
    because: str


class StanceShown(Answer):
    """What a region's signals mean for one plan; ``run`` is what an incident has opened."""

    verdict: str
    quorum_since: AwareDatetime | None
    incident: Incident | None
    run: str | None
    said: list[Said]


class SignalsShown(Answer):
    """A region's signals, newest first, what they add up to for each plan, and what was set aside."""

    region: str
    looked_at: AwareDatetime | None
    plans: dict[str, StanceShown]
    signals: list[Signal]
    set_aside: list[Unused]


class AlertTaken(Answer):
    """What was made of an alert: the regions that heard of it, or why it is ignored."""

    ignored: str | None
    regions: Names


class KillSwitchShown(Answer):
    """Where both kill switches stand: ``setting`` is the app's own, ``switch`` the one that people reach."""

    on: bool
    says: str
    setting: str | None
    switch: Pulled | None


class KillSwitchSet(Answer):
    """The word about the kill switch that was kept; ``says`` where the app's setting overrules it."""

    on: bool
    href: Href
    says: str | None = None


# -- around it -----------------------------------------------------------------------------


class ChatSaid(BaseModel):
    """A message in the form of the chat that asked."""

    model_config = ConfigDict(extra="allow")


class ApiDocument(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
