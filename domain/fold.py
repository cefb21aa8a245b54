"""The fold of a region's signals: the newest word per witness and resource, whatever came twice, late or disordered.

Folding is idempotent and commutative: the state is a function of the set of signals, not of the order in which they
came. What the fold does not take is set aside with the reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.signals import Signal, Verdict

KEPT = 500
# Clocks differ. A word from further ahead than this is not believed: it would outlast every honest one.
AHEAD = timedelta(minutes=5)
# Bad news that is older than this when it comes is history: what it tells of has ended, or others tell of it.
HISTORY = timedelta(minutes=30)

Wire = dict[str, Any]
Signals = dict[str, Wire]


def fold(signals: Signals, signal: Signal) -> Signals:
    """Return the signals with one more folded in; the oldest of too many are dropped."""
    key, wire = signal.key, signal.wire()
    known = signals.get(key)
    if known is not None and _age(known) >= _age(wire):
        return signals
    folded = {**signals, key: wire}
    if len(folded) > KEPT:
        del folded[min(folded, key=lambda k: (*_age(folded[k]), k))]
    return folded


def objection_to(signal: Signal, moment: datetime) -> str | None:
    """Return why a signal is not folded in at that time, or None if it is."""
    if signal.at > moment + AHEAD:
        return f"its time, {signal.at.isoformat()}, lies ahead of ours; look at its sender's clock"
    if signal.verdict is Verdict.UNHEALTHY and signal.at < moment - HISTORY:
        return f"it is of {signal.at.isoformat()}, and so history by now"
    return None


def without_future(signals: Signals, moment: datetime) -> tuple[Signals, list[Wire]]:
    """Return the signals that are not from the future, and those that are."""
    ahead = {k: wire for k, wire in signals.items() if _at(wire) > moment + AHEAD}
    if not ahead:
        return signals, []
    return {k: wire for k, wire in signals.items() if k not in ahead}, list(ahead.values())


def _age(wire: Wire) -> tuple[datetime, str, str, str]:
    """Return what signals are ordered by: no two are alike, so the order in which they came cannot matter."""
    return _at(wire), wire["id"], wire["verdict"], wire["summary"]


def _at(wire: Wire) -> datetime:
    return datetime.fromisoformat(wire["at"])
