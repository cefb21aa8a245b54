"""The evidence record as people read it: one page for a browser, one in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from adapters.timeline import timeline_svg
from adapters.wording import clock, elapsed, for_markdown, plain
from domain.canonical import digest
from domain.evidence import Evidence
from domain.grants import Grants
from domain.model import last_segment
from domain.regions import display_name
from domain.run import EndpointState, GateReport, MemberOutcome, Outcome, TierReport, Verdict

TEMPLATES = Path(__file__).parent / "templates"
# Beyond this many machines a page of open tables is no longer read, so each tier folds up.
OPEN_UP_TO = 12
TONES = {
    Outcome.COMPLETED: "good",
    Outcome.COMPLETED_WITH_SKIPS: "odd",
    Outcome.PARTIAL: "bad",
    Outcome.ROLLED_BACK: "odd",
    Outcome.DECLINED: "calm",
    Outcome.CANCELLED: "calm",
    Outcome.NEEDS_HUMAN: "bad",
    Outcome.FAILED: "bad",
}
DECIDED = {
    Verdict.APPROVE: "Approved",
    Verdict.REJECT: "Rejected",
    Verdict.BREAK_GLASS: "Glass broken",
}
TIMING = {
    "total": "the whole run",
    "detection": "from the first signal to the run's start",
    "decision": "waiting for a person's answer",
    "recovery": "moving the tiers and proving each",
    "traffic": "the target's probe, the switch and its proof",
    "soak": "running in the target before the commit",
    "commit": "making the failover final",
    "actions": "the plan's own calls, runbooks and waits",
    "azure": "of all that, Azure's own jobs",
    "own": "of all that, Leeward's own",
}


def _shown(value: Any) -> Any:
    """Return a value as HTML takes it: text without unseen characters, an em dash for nothing."""
    if isinstance(value, Markup):
        return value
    return "—" if value is None else plain(str(value))


def _as_markdown(value: Any) -> str:
    if isinstance(value, Markup):
        return value
    return "—" if value is None else for_markdown(value)


def _pages(autoescape: bool, finalize: Callable[[Any], Any]) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


HTML = _pages(autoescape=True, finalize=_shown)
# HTML's escapes are not Markdown's: for_markdown escapes each value instead.
MARKDOWN = _pages(autoescape=False, finalize=_as_markdown)


def html(record: Mapping[str, Any]) -> str:
    """Return the sealed record as one self-contained page, everything in it escaped."""
    svg = Markup(timeline_svg(record))  # an XML tree wrote it, so it is escaped already
    return HTML.get_template("evidence.html.j2").render(**_view(record), timeline=svg)


def markdown(record: Mapping[str, Any]) -> str:
    """Return the sealed record as Markdown, every value escaped."""
    return MARKDOWN.get_template("evidence.md.j2").render(**_view(record))


def _view(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that both pages say, in the words they say it with."""
    evidence = Evidence.model_validate(record)
    run = evidence.run

    def since(at: datetime | None) -> str | None:
        return None if at is None else f"T+{elapsed((at - run.started_at).total_seconds())}"

    return {
        "evidence": evidence,
        "run": run,
        "grants": (evidence.readiness and evidence.readiness.grants) or Grants(),
        "tone": TONES[run.outcome],
        "outcome": run.outcome.value.replace("_", " "),
        "source": display_name(run.source),
        "target": display_name(run.target),
        "figures": _figures(evidence, since(_switched_at(evidence))),
        "tiers": [(tier, _proof(tier.gate), _arrived(tier)) for tier in evidence.tiers],
        "open": sum(len(tier.members) for tier in evidence.tiers) <= OPEN_UP_TO,
        "timing": [
            (name, elapsed(seconds), meaning)
            for name, meaning in TIMING.items()
            if (seconds := getattr(evidence.timing, name)) is not None
        ],
        "endpoints": _endpoints(evidence),
        "chain": record.get("chain") or (),
        "sha256": digest(dict(record)),
        "since": since,
        "clock": lambda at: None if at is None else clock(at),
        "elapsed": lambda seconds: None if seconds is None else elapsed(seconds),
        "last_segment": last_segment,
        "proof": _proof,
    }


def _figures(evidence: Evidence, switched: str | None) -> list[tuple[str, str | None, str]]:
    """Return the key figures: what each is called, the figure, and what to know about it."""
    proved = [tier for tier in evidence.tiers if tier.arrived]
    last = max(proved, key=lambda tier: tier.rto_seconds, default=None)
    moved = len(evidence.tiers)
    count = f"{len(proved)} of {moved} tiers proved" if moved else "no machine was moved"
    worst = max(
        (m for tier in evidence.tiers for m in tier.members if m.rpo_seconds is not None),
        key=lambda m: m.rpo_seconds or 0,
        default=None,
    )
    slowest = (
        (None, count) if last is None else (elapsed(last.rto_seconds), f"{last.name}, {count}")
    )
    lost = (None, "no reading") if worst is None else (elapsed(worst.rpo_seconds or 0), worst.name)
    return [
        ("Total time", elapsed(evidence.timing.total), f"until {clock(evidence.run.ended_at)}"),
        ("RTO, slowest tier", *slowest),
        ("Worst RPO", *lost),
        ("Traffic switched", switched, _where(evidence)),
        ("Decision", *_decided(evidence)),
    ]


def _switched_at(evidence: Evidence) -> datetime | None:
    return evidence.traffic.switched_at if evidence.traffic else None


def _where(evidence: Evidence) -> str:
    traffic = evidence.traffic
    if traffic is None:
        return "not touched by this run"
    if traffic.restored:
        return "restored as it was before"
    if traffic.switched_at is None:
        return "left open" if traffic.left_open else "not switched"
    return "verified by DNS and HTTP" if traffic.verified else "not verified"


def _decided(evidence: Evidence) -> tuple[str | None, str]:
    first = evidence.first_settled
    if first is None and evidence.decisions:
        return None, "too few agreed"
    if first is None:
        asked = evidence.timing.decision > 0
        return None, "nobody answered" if asked else "none was asked for"
    agreed = [d.by for d in evidence.decisions if (d.gate, d.digest) == (first.gate, first.digest)]
    by = ", ".join(agreed) if first.verdict is Verdict.APPROVE else first.by
    return DECIDED[first.verdict], f"by {by}"


def _proof(gate: GateReport | None) -> str:
    if gate is None:
        return "no gate"
    took = elapsed((gate.ended_at - gate.started_at).total_seconds())
    rounds = f"{gate.rounds} round{'' if gate.rounds == 1 else 's'}, {took}"
    verdict = "passed" if gate.passed else "stayed shut"
    return f"gate {verdict}: {gate.needed} of the last {gate.of} needed, {rounds}"


def _arrived(tier: TierReport) -> str:
    there = sum(member.outcome is MemberOutcome.ARRIVED for member in tier.members)
    told = [f"{there} of {len(tier.members)} arrived"]
    if tier.halted:
        told.append(f"stopped by {tier.halted}")
    if tier.skipped_by:
        told.append(f"skipped by {tier.skipped_by}")
    return "; ".join(told)


def _endpoints(evidence: Evidence) -> list[tuple[str, str, str | None, str | None]]:
    """Return each endpoint's name and target, and how it stood before and after."""
    traffic = evidence.traffic
    if traffic is None:
        return []
    rows = []
    states = [state for state in (traffic.before, traffic.after) if state]
    for name in dict.fromkeys(e.name for state in states for e in state.endpoints):
        before = traffic.before.endpoint(name) if traffic.before else None
        after = traffic.after.endpoint(name) if traffic.after else None
        known = after or before
        rows.append((name, known.target if known else "", _stood(before), _stood(after)))
    return rows


def _stood(endpoint: EndpointState | None) -> str | None:
    return f"{endpoint.status}, {endpoint.monitor}" if endpoint else None
