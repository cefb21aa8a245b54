"""Move without a person's word: where the plan says `auto_after` an incident may, unless a person or a veto objects.

    announced, with time to object -> every check at the moment of moving -> on by itself, or a person is asked

What cannot be read in time counts against moving: a run that asks costs minutes, a false failover costs a day.
"""

from __future__ import annotations

from datetime import timedelta

from activities.guardrails import GuardQuestion, Guardrails, GuardSeen
from activities.health import Health, SourceQuestion
from activities.plans import PlanQuestion, PlanShelf
from activities.readiness import Preflight
from domain.approval import drift_between
from domain.guardrails import (
    Automatic,
    Check,
    Guard,
    Pulled,
    judge_loss,
    judge_rate,
    judge_readiness,
    judge_source,
    judge_switch,
)
from domain.policy import AutomationMode
from domain.request import Kind
from domain.run import FenceReport, judge_fence

from orchestrators.before import question_of, with_grants
from orchestrators.durable import Context, Steps, ask_in_time, call_in_time, now
from orchestrators.names import ESTATE, KILL_SWITCH
from orchestrators.record import Record

LOOK_WITHIN = timedelta(seconds=10)
# Azure answers these; they may be throttled on the night when everybody asks.
READ_WITHIN = timedelta(minutes=2)


def may_move_alone(run: Record) -> bool:
    """Say whether the run was opened by an incident that may set off a failover by itself."""
    incident = run.request.incident
    return (
        incident is not None
        and incident.automation is AutomationMode.AUTO_AFTER
        and run.kind is Kind.FAILOVER
    )


def check_guards(context: Context, run: Record, moving: bool) -> Steps[Automatic]:
    """Make every check, and keep what each saw; the estate counts a start only if nothing else stands in the way."""
    seen, switch = yield from look_at_switch(context, run)
    checks = [switch, (yield from _plan(context, run)), _blackout(seen)]
    checks.append((yield from _readiness(context, run)))
    members = [m.name for m in run.plan.members if m.required]
    points = run.readiness.points if run.readiness else {}
    checks.append(judge_loss(members, points, run.incident_at, run.plan.policy.automation.rpo))
    checks.append(judge_source((yield from _source(context, run))))
    if moving and not any(check.veto for check in checks):
        limit = run.plan.policy.automation.failovers_per_hour
        others = yield from count_start(context, run, limit)
        checks.append(judge_rate(others, limit))
    went_on = moving and not any(check.veto for check in checks)
    return Automatic(checked_at=now(context), went_on=went_on, checks=tuple(checks))


def look_at_switch(context: Context, run: Record) -> Steps[tuple[GuardSeen | None, Check]]:
    """Read the kill switch, the app's setting and the one that people pull, and what the calendar says."""
    question = GuardQuestion(blackout=run.plan.policy.blackout, at=now(context))
    seen = yield from call_in_time(context, Guardrails.look_at_guardrails, question, LOOK_WITHIN)
    stands = yield from ask_in_time(context, KILL_SWITCH, "read", {}, LOOK_WITHIN)
    pulled = None if stands is None else Pulled.model_validate(stands)
    return seen, judge_switch(seen.killed if seen else None, pulled, read=seen is not None)


def count_start(context: Context, run: Record, limit: int | None = None) -> Steps[int | None]:
    """Let the estate count this start, and return how many others began within the hour; None where it does not say."""
    request = {"run": run.id, "at": now(context).isoformat(), "limit": limit}
    counted = yield from ask_in_time(context, ESTATE, "begin", request, LOOK_WITHIN)
    return None if counted is None else int(counted["others"])


def _plan(context: Context, run: Record) -> Steps[Check]:
    question = PlanQuestion(name=run.request.plan.name, digest=run.digest)
    seen = yield from call_in_time(context, PlanShelf.look_up_plan, question, LOOK_WITHIN)
    if seen is None:
        told = "whether the plan was changed since could not be read in time"
        return Check(guard=Guard.PLAN, veto=True, says=told)
    says = seen.changed or "the plan is as its owner keeps it"
    return Check(guard=Guard.PLAN, veto=seen.changed is not None, says=says)


def _blackout(seen: GuardSeen | None) -> Check:
    if seen is None:
        told = "the plan's blackouts could not be read in time"
        return Check(guard=Guard.BLACKOUT, veto=True, says=told)
    says = seen.blackout or "no blackout is on"
    return Check(guard=Guard.BLACKOUT, veto=seen.blackout is not None, says=says)


def _readiness(context: Context, run: Record) -> Steps[Check]:
    question = question_of(run)
    after = yield from call_in_time(context, Preflight.assess_readiness, question, READ_WITHIN)
    after = with_grants(run, after) if after else None
    drift = drift_between(run.readiness, after) if run.readiness and after else ()
    check = judge_readiness(after, drift)
    if after is not None and not check.veto:
        run.readiness = after
    return check


def _source(context: Context, run: Record) -> Steps[FenceReport | None]:
    plan = run.plan
    question = SourceQuestion(vms=run.machines, probes=plan.policy.fence.probes, reach=plan.reach)
    seen = yield from call_in_time(context, Health.look_at_source, question, READ_WITHIN)
    return judge_fence(seen.machines, seen.answers, now(context)) if seen else None
