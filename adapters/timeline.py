"""The picture of a run: one lane per tier, its machines as thin bars, and what happened around them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.wording import elapsed, plain
from domain.evidence import Evidence
from domain.regions import display_name
from domain.run import MemberOutcome, TierReport, Verdict

WIDTH, LEFT, RIGHT, TOP, EDGE = 960, 132, 84, 40, 12
PLOT = WIDTH - LEFT - RIGHT
LANE_GAP = 16
MOST_OF_A_LANE = 56.0
WORTH_SEEING = 60.0
TICK_WIDTH = 76
STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
DECIDED = {
    Verdict.APPROVE: "approved",
    Verdict.REJECT: "rejected",
    Verdict.BREAK_GLASS: "glass broken",
}
STYLE = """
.leeward-timeline { --ink: #1c2226; --quiet: #5d6972; --line: #e2e6e8; --bar: #3d7ea6; --wait: #c9d1d6;
  --good: #2b7a4b; --bad: #b5382e; --paper: #ffffff; background: var(--paper);
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
@media screen and (prefers-color-scheme: dark) {
  .leeward-timeline { --ink: #e6eaec; --quiet: #97a3ab; --line: #2b3338; --bar: #6aaed6; --wait: #46525a;
    --good: #62bd85; --bad: #ef7f74; --paper: #14181b; } }
.leeward-timeline text { fill: var(--ink); }
.leeward-timeline .quiet { fill: var(--quiet); font-size: 11px; }
.leeward-timeline .name { font-weight: 600; }
.leeward-timeline .bad-text { fill: var(--bad); }
.leeward-timeline .grid { stroke: var(--line); stroke-width: 1; }
.leeward-timeline .switch { stroke: var(--good); stroke-width: 1; stroke-dasharray: 2 3; }
.leeward-timeline .bar { fill: var(--bar); }
.leeward-timeline .wait { fill: var(--wait); }
.leeward-timeline .probing { stroke: var(--bar); stroke-width: 1.5; }
.leeward-timeline .follow { fill: var(--good); font-size: 11px; }
.leeward-timeline .bad { fill: var(--bad); }
.leeward-timeline .passed { fill: var(--good); stroke: var(--paper); stroke-width: 1.5; }
.leeward-timeline .shut { fill: var(--paper); stroke: var(--bad); stroke-width: 1.5; }
.leeward-timeline .cut { fill: var(--paper); }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of a lane, in seconds since the start, and how it looks."""

    begin: float
    end: float
    look: str
    told: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of a lane: something was proved, decided or switched, or was not; ``since`` it was probed."""

    at: float
    good: bool
    told: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture."""

    name: str
    note: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    result: str
    good: bool = True

    @property
    def pitch(self) -> float:
        """Return the height that one bar takes: many machines share what a lane may have."""
        return min(12.0, MOST_OF_A_LANE / max(1, len(self.bars)))

    @property
    def height(self) -> float:
        """Return the lane's height; its name and its note need two lines of text."""
        return max(28.0, self.pitch * len(self.bars))


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds to the picture's x; a long wait is cut short, so that the work stays legible."""

    total: float
    waits: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, total: float, waits: Sequence[tuple[float, float]]) -> Scale:
        """Return the scale of a run: a wait is cut when it takes over a third and there is work to see."""
        work = total - sum(end - begin for begin, end in waits)
        long = tuple(w for w in sorted(waits) if w[1] - w[0] > total / 3)
        return cls(total, long if work >= WORTH_SEEING else ())

    def x(self, seconds: float) -> float:
        """Return where a moment lies."""
        inside = min(max(seconds, 0.0), self.total)
        shown = self._shown(inside) / (self._shown(self.total) or 1.0)
        return round(LEFT + PLOT * shown, 1)

    def ticks(self) -> Iterator[float]:
        """Yield the moments to name on the axis: round ones, none inside a wait that is cut short."""
        wide = self._shown(self.total) * TICK_WIDTH / PLOT
        step = next((s for s in STEPS if s >= wide), max(wide, STEPS[-1]))
        at, last = 0.0, -float(PLOT)
        while at <= self.total:
            if self.x(at) - last >= TICK_WIDTH - 1 and not any(a < at < b for a, b in self.waits):
                yield at
                last = self.x(at)
            at += step

    def _shown(self, seconds: float) -> float:
        """Return how many seconds' worth of width lie before a moment."""
        work = self.total - sum(b - a for a, b in self.waits)
        width = max(work, self.total / 100) / 5
        shown, done = 0.0, 0.0
        for begin, end in self.waits:
            shown += min(seconds, begin) - done
            if seconds <= begin:
                return shown
            shown += width * (min(seconds, end) - begin) / (end - begin)
            done = end
            if seconds <= end:
                return shown
        return shown + seconds - done


def timeline_svg(record: Mapping[str, Any]) -> str:
    """Return the picture of a sealed record, as an SVG that stands alone or inside a page."""
    evidence = Evidence.model_validate(record)
    lanes = tuple(_lanes(evidence))
    total = _since(evidence, evidence.run.ended_at)
    waits = [(b.begin, b.end) for lane in lanes for b in lane.bars if b.look == "wait"]
    scale = Scale.of(max(total, *(b.end for lane in lanes for b in lane.bars), 1.0), _apart(waits))
    height = round(TOP + sum(lane.height + LANE_GAP for lane in lanes) + 24)
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "leeward-timeline",
            "viewBox": f"{-EDGE} 0 {WIDTH + 2 * EDGE} {height}",
            "width": "100%",
            "role": "img",
            "aria-labelledby": "leeward-timeline-title leeward-timeline-desc",
        },
    )
    _words(svg, "title", "leeward-timeline-title", _title(evidence))
    _words(svg, "desc", "leeward-timeline-desc", _description(evidence, lanes))
    ET.SubElement(svg, "style").text = STYLE
    _axis(svg, scale, height)
    _switch(svg, scale, evidence, height)
    y = float(TOP)
    for lane in lanes:
        _draw(svg, lane, scale, y)
        y += lane.height + LANE_GAP
    return ET.tostring(svg, encoding="unicode")


def _since(evidence: Evidence, at: datetime) -> float:
    return (at - evidence.run.started_at).total_seconds()


def _apart(waits: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the waits that do not overlap one before them."""
    apart: list[tuple[float, float]] = []
    for begin, end in sorted(waits):
        if end > begin and (not apart or begin >= apart[-1][1]):
            apart.append((begin, end))
    return apart


def _title(evidence: Evidence) -> str:
    run = evidence.run
    where = f"{display_name(run.source)} to {display_name(run.target)}"
    return f"Timeline of run {run.id}: {run.plan} from {where}, {run.outcome}"


def _description(evidence: Evidence, lanes: Sequence[Lane]) -> str:
    total = elapsed(_since(evidence, evidence.run.ended_at))
    parts = [f"{lane.name}: {lane.note}, {lane.result}".replace(": ,", ":") for lane in lanes]
    return f"The run took {total}. " + ". ".join(parts) + "."


def _lanes(evidence: Evidence) -> Iterator[Lane]:
    yield from _decision_lane(evidence)
    for tier in evidence.tiers:
        yield _tier_lane(evidence, tier)
    yield from _traffic_lane(evidence)
    yield from _soak_lane(evidence)
    yield from _commit_lane(evidence)


def _decision_lane(evidence: Evidence) -> Iterator[Lane]:
    marks = tuple(
        Mark(
            _since(evidence, d.at),
            d.verdict is not Verdict.REJECT,
            f"{d.by}: {d.verdict} ({d.gate})",
        )
        for d in evidence.decisions
        if d.at is not None
    )
    waited = evidence.timing.decision
    if not marks and not waited:
        return
    first = evidence.first_settled
    at = first.at if first else None
    end = _since(evidence, at or evidence.run.ended_at)
    bars = (Bar(max(0.0, end - waited), end, "wait", f"waited {elapsed(waited)} for a person"),)
    note = DECIDED[first.verdict] if first else "too few agreed" if marks else "nobody answered"
    good = first is not None and first.verdict is not Verdict.REJECT
    yield Lane("Decision", note, bars, marks, f"T+{elapsed(end)}", good)


def _tier_lane(evidence: Evidence, tier: TierReport) -> Lane:
    bars = tuple(
        Bar(
            _since(evidence, m.started_at),
            _since(evidence, m.ended_at),
            "bar" if m.outcome is MemberOutcome.ARRIVED else "bad",
            f"{m.name}: {m.outcome.value} in {elapsed((m.ended_at - m.started_at).total_seconds())}",
        )
        for m in tier.members
    )
    gate = tier.gate
    marks: tuple[Mark, ...] = ()
    if gate:
        told = "the gate passed" if gate.passed else "the gate stayed shut"
        began, ended = _since(evidence, gate.started_at), _since(evidence, gate.ended_at)
        marks = (Mark(ended, gate.passed, f"{told} after {gate.rounds} rounds", began),)
    count = len(tier.members)
    note = f"{count} machine" + ("" if count == 1 else "s")
    result = f"T+{elapsed(tier.rto_seconds)}" if tier.arrived else "not arrived"
    return Lane(tier.name, note, bars, marks, result, tier.arrived)


def _traffic_lane(evidence: Evidence) -> Iterator[Lane]:
    traffic = evidence.traffic
    if traffic is None:
        return
    ends = [traffic.switched_at, traffic.gate.ended_at if traffic.gate else None]
    end = next((at for at in ends if at), None)
    bars: tuple[Bar, ...] = ()
    if traffic.gate and end:
        begin = _since(evidence, traffic.gate.started_at)
        bars = (Bar(begin, _since(evidence, end), "bar", "the target was probed, then enabled"),)
    good = traffic.verified and not traffic.restored
    told = "users are sent to the target" if good else "the switch did not hold"
    marks = (Mark(_since(evidence, end), good, told),) if end else ()
    result = "restored" if traffic.restored else "not switched"
    if traffic.switched_at and not traffic.restored:
        result = f"T+{elapsed(_since(evidence, traffic.switched_at))}"
    yield Lane("Traffic", "users follow", bars, marks, result, good)


def _soak_lane(evidence: Evidence) -> Iterator[Lane]:
    soak = evidence.timing.soak
    if not soak:
        return
    commit = evidence.commit
    if commit and commit.started_at:
        end = _since(evidence, commit.started_at)
    elif evidence.traffic and evidence.traffic.switched_at:
        end = _since(evidence, evidence.traffic.switched_at) + soak
    else:
        end = _since(evidence, evidence.run.ended_at)
    told = f"ran in the target for {elapsed(soak)} before the commit"
    yield Lane(
        "Soak", "before the commit", (Bar(end - soak, end, "wait", told),), (), elapsed(soak)
    )


def _commit_lane(evidence: Evidence) -> Iterator[Lane]:
    commit = evidence.commit
    if commit is None or commit.started_at is None or commit.ended_at is None:
        return
    begin, end = _since(evidence, commit.started_at), _since(evidence, commit.ended_at)
    good = commit.committed
    result = f"T+{elapsed(end)}" if good else "not committed"
    told = "the failover is final" if good else "the commit did not succeed"
    bar = Bar(begin, end, "bar" if good else "bad", f"{told}, after {elapsed(end - begin)}")
    yield Lane("Commit", "final", (bar,), (Mark(end, good, told),), result, good)


def _axis(svg: ET.Element, scale: Scale, height: float) -> None:
    for at in scale.ticks():
        x = scale.x(at)
        _line(svg, x, TOP - 12, x, height - 22, "grid")
        _text(svg, x, TOP - 20, f"T+{elapsed(at)}", "quiet", "middle" if at else "start")


def _switch(svg: ET.Element, scale: Scale, evidence: Evidence, height: float) -> None:
    """Draw the moment that users moved through every lane: all that counts for them is left of it."""
    traffic = evidence.traffic
    if traffic and traffic.switched_at and not traffic.restored:
        x = scale.x(_since(evidence, traffic.switched_at))
        _line(svg, x, TOP - 12, x, height - 22, "switch")
        there = f"users in {display_name(evidence.run.target)}"
        side = "start" if x < WIDTH / 2 else "end"
        _text(svg, x, height - 8, there, "follow", side)


def _draw(svg: ET.Element, lane: Lane, scale: Scale, y: float) -> None:
    middle = y + lane.height / 2
    lane_group = ET.SubElement(svg, "g")
    _text(lane_group, 0, middle - 2, _short(lane.name), "name", "start")
    _text(lane_group, 0, middle + 12, lane.note, "quiet", "start")
    thick = max(0.8, min(8.0, lane.pitch * 0.72))
    top = middle - lane.pitch * len(lane.bars) / 2
    for index, bar in enumerate(lane.bars):
        _bar(lane_group, bar, scale, top + lane.pitch * (index + 0.5) - thick / 2, thick)
    for mark in lane.marks:
        if mark.since is not None:
            _line(lane_group, scale.x(mark.since), middle, scale.x(mark.at), middle, "probing")
        _diamond(lane_group, scale.x(mark.at), middle, mark)
    look = "" if lane.good else "bad-text"
    _text(lane_group, WIDTH, middle + 4, lane.result, look, "end")


def _bar(svg: ET.Element, bar: Bar, scale: Scale, y: float, thick: float) -> None:
    left, right = scale.x(bar.begin), scale.x(bar.end)
    shape = {
        "x": f"{left:g}",
        "y": f"{y:.1f}",
        "width": f"{max(2.0, right - left):.1f}",
        "height": f"{thick:.1f}",
        "rx": f"{min(2.0, thick / 2):.1f}",
        "class": bar.look,
    }
    _words(ET.SubElement(svg, "rect", shape), "title", None, bar.told)
    if (bar.begin, bar.end) in scale.waits:
        middle, low = (left + right) / 2, y + thick + 4
        points = f"{middle - 5:.1f},{low:.1f} {middle + 1:.1f},{y - 4:.1f} "
        points += f"{middle + 5:.1f},{y - 4:.1f} {middle - 1:.1f},{low:.1f}"
        ET.SubElement(svg, "polygon", {"points": points, "class": "cut"})


def _diamond(svg: ET.Element, x: float, y: float, mark: Mark) -> None:
    points = f"{x:g},{y - 7:g} {x + 7:g},{y:g} {x:g},{y + 7:g} {x - 7:g},{y:g}"
    look = "passed" if mark.good else "shut"
    shape = ET.SubElement(svg, "polygon", {"points": points, "class": look})
    _words(shape, "title", None, f"T+{elapsed(mark.at)}: {mark.told}")


def _line(svg: ET.Element, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    ET.SubElement(svg, "line", {**ends, "class": look})


def _text(svg: ET.Element, x: float, y: float, text: str, look: str, anchor: str) -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
    ET.SubElement(svg, "text", {**place, **({"class": look} if look else {})}).text = plain(text)


def _words(svg: ET.Element, tag: str, key: str | None, text: str) -> None:
    ET.SubElement(svg, tag, {"id": key} if key else {}).text = plain(text)


def _short(name: str) -> str:
    return name if len(name) <= 17 else name[:16] + "…"
