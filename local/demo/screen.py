"""The timeline on the terminal: a line per thing that happened, each with the story's own time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WHO_WIDTH = 9
STYLES = {"azure": "red", "signal": "yellow", "operator": "magenta", "leeward": "cyan"}


class Screen:
    """Prints as the story goes; plain where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start: datetime | None = None
        self._told: set[tuple[str, str]] = set()

    def title(self, text: str) -> None:
        """Print the headline."""
        self._console.print(Text(text, style="bold"))
        self._console.print()

    def line(self, at: datetime, who: str, what: str) -> None:
        """Print one line: the story's clock, the time since the outage began, who, and what."""
        self._start = self._start or at
        since = int((at - self._start).total_seconds())
        row = Text()
        row.append(f"{at:%H:%M:%S}  ", style="dim")
        row.append(
            f"{'+' if since >= 0 else '-'}{abs(since) // 60:02d}:{abs(since) % 60:02d}  ",
            style="dim",
        )
        row.append(f"{who:<{WHO_WIDTH}}", style=STYLES.get(who, ""))
        row.append(what, style=_style(what))
        self._console.print(row, soft_wrap=True)

    def facts(self, facts: list[dict[str, Any]]) -> None:
        """Print the facts of a run that were not printed before."""
        for fact in sorted(facts, key=lambda fact: str(fact["at"])):
            key = (fact["at"], fact["what"])
            if key not in self._told:
                self._told.add(key)
                self.line(datetime.fromisoformat(fact["at"]), "leeward", fact["what"])

    def summary(self, evidence: dict[str, Any], wall_seconds: float, folder: str) -> None:
        """Print what came of it, and where the evidence lies."""
        run, timing, traffic = evidence["run"], evidence["timing"], evidence["traffic"] or {}
        self._console.print()
        table = Table(box=None, pad_edge=False)
        for column in ("tier", "RTO", "machines", "data lost", "gate"):
            table.add_column(column)
        for tier in evidence["tiers"]:
            lost = max((member["rpoSeconds"] or 0 for member in tier["members"]), default=0)
            gate = tier["gate"]
            proof = (
                f"passed in {gate['rounds']} rounds" if gate and gate["passed"] else "not passed"
            )
            names = ", ".join(member["name"] for member in tier["members"])
            table.add_row(
                tier["name"], _span(tier["rtoSeconds"]), names, f"at most {_span(lost)}", proof
            )
        self._console.print(table)
        self._console.print()
        self._console.print(
            f"outcome   {run['outcome']}: {run['because']}", style="bold", soft_wrap=True
        )
        self._console.print(
            f"traffic   {'verified' if traffic.get('verified') else 'not moved'}"
            f" · total {_span(timing['total'])} · Azure {_span(timing['azure'])}"
            f" · decision {_span(timing['decision'])} · soak {_span(timing['soak'])}"
            f" · Leeward {_span(timing['own'])}",
            soft_wrap=True,
        )
        self._console.print(f"evidence  {folder}/evidence.json, .md, .html", soft_wrap=True)
        self._console.print(f"the story took {wall_seconds:.1f} s of wall time", style="dim")


def _span(seconds: int) -> str:
    return f"{seconds // 60}m{seconds % 60:02d}s"


def _style(what: str) -> str:
    if "arrived" in what or what.startswith(("COMPLETED", "every resolver")):
        return "green"
    if "failed" in what or "did not" in what or "dark" in what:
        return "red"
    return ""
