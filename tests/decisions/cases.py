"""Write the labelled suite anew: ``python -m tests.decisions.cases > tests/decisions/cases.jsonl``.

Times are seconds from the beginning of each story. The seed is fixed, so the file changes with this one alone; what is
judged is the file.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

Case = dict[str, Any]
POINTS = ("here", "centralus", "northeurope")
VMS = ("db-01", "app-01", "app-02", "web-01", "web-02")
SUSTAINED = 300
MAINTAINED = "Maintenance"


def health(
    at: float, vm: str, state: str = "Unavailable", occurred: float | None = None, **more: Any
) -> Case:
    """Return one event on the health of a machine."""
    return {
        "at": round(at, 1),
        "kind": "health",
        "schema": random_.choice(("eg", "ce")),
        "vm": vm,
        "state": state,
        "occurred": round(at - 3 if occurred is None else occurred, 1),
        **more,
    }


def annotation(at: float, vm: str, context: str = "Customer Initiated") -> Case:
    """Return one annotation of a machine."""
    return {"at": round(at, 1), "kind": "annotation", "vm": vm, "context": context}


def service_health(at: float, stage: str = "Active", **more: Any) -> Case:
    """Return one alert of Service Health."""
    return {
        "at": round(at, 1),
        "kind": "service_health",
        "stage": stage,
        "type": "Incident",
        "region": "East US",
        "as_text": random_.random() < 0.5,
        **more,
    }


def alert(at: float, vm: str, kind: str = "metric", condition: str = "Fired") -> Case:
    """Return one alert of a rule on metrics or logs."""
    return {"at": round(at, 1), "kind": kind, "vm": vm, "condition": condition}


def everywhere(*spans: tuple[float, float]) -> dict[str, list[tuple[float, float]]]:
    """Return spans in which no vantage point sees the application."""
    return {point: [(round(a, 1), round(b, 1)) for a, b in spans] for point in POINTS}


def down(begin: float, end: float, late: float = 25) -> list[Case]:
    """Return what Resource Health says of a region that goes down and comes back."""
    sent = []
    for vm in VMS:
        seen = begin + random_.uniform(4, late)
        sent.append(health(seen, vm, occurred=begin + 1))
        sent.append(health(end + random_.uniform(5, 60), vm, "Available", occurred=end + 1))
    return sent


def degraded(begin: float, end: float) -> list[list[Any]]:
    """Return what Traffic Manager makes of a closed front door, which takes it some probes to notice."""
    seen = begin + random_.uniform(12, 30)
    return [[round(seen, 1), round(end + 20, 1), "Degraded"]] if end > seen else []


def shuffled(sent: list[Case]) -> list[Case]:
    """Return events with some of them delivered twice, and some out of order."""
    again = [{**e, "at": e["at"] + round(random_.uniform(1, 90), 1)} for e in sent]
    return sent + [e for e in again if random_.random() < 0.5]


def blips() -> Iterator[Case]:
    """The whole region is gone, for 5 to 240 s."""
    for number in range(60):
        lasts = 5 + number * 235 / 59
        begin = random_.uniform(60, 90)
        end = begin + lasts
        yield {
            "dark": everywhere((begin, end)),
            "monitor": degraded(begin, end),
            "sent": shuffled(down(begin, end)),
            "until": end + 600,
        }


def one_vantage_point() -> Iterator[Case]:
    """One vantage point has lost the application for long, and something else complains too."""
    for number in range(25):
        begin, end = 60, 60 + random_.uniform(600, 1500)
        noise = (
            down(begin, end)
            if number % 2
            else [service_health(120), service_health(900, "Resolved")]
        )
        yield {
            "dark": {POINTS[number % 3]: [(begin, end)]},
            "monitor": degraded(begin, end) if number % 5 == 0 else [],
            "sent": shuffled(noise),
            "until": end + 300,
        }


def isolated() -> Iterator[Case]:
    """We are cut off: nothing is seen, the canary neither, and what still reaches us is old or mistaken."""
    for number in range(25):
        begin, end = 60, 60 + random_.uniform(400, 1500)
        yield {
            "dark": everywhere((begin, end)),
            "canary": everywhere((begin, end)),
            "monitor": [[begin, end, None]] if number % 2 else degraded(begin, end),
            "sent": down(begin, end) if number % 3 == 0 else [],
            "until": end + 120,
        }


def one_machine() -> Iterator[Case]:
    """One machine is down for long; now and then it is the one behind the front door."""
    for number in range(25):
        begin, end = 60, 60 + random_.uniform(500, 1800)
        closed = number % 3 == 0
        yield {
            "dark": everywhere((begin + 15, end)) if closed else {},
            "monitor": degraded(begin + 15, end) if closed else [],
            "sent": shuffled(
                [
                    health(begin + 6, VMS[number % 5], occurred=begin),
                    alert(begin + 60, VMS[number % 5]),
                    health(end + 10, VMS[number % 5], "Available"),
                ]
            ),
            "until": end + 300,
        }


def deployments() -> Iterator[Case]:
    """A deployment restarts machine after machine on purpose; the front door closes for moments."""
    for _ in range(25):
        at, spans, sent, states = 60.0, [], [], []
        for vm in VMS:
            lasts = random_.uniform(20, 150)
            spans.append((at, at + lasts))
            states += degraded(at, at + lasts)
            sent += [
                annotation(at, vm),
                health(at + 4, vm),
                health(at + lasts + 5, vm, "Available"),
            ]
            at += lasts + random_.uniform(60, 200)
        yield {
            "dark": everywhere(*spans),
            "monitor": states,
            "sent": shuffled(sent),
            "until": at + 200,
        }


def advisories() -> Iterator[Case]:
    """Service Health advises, informs, or has an incident somewhere else."""
    kinds = [
        {"type": "Informational"},
        {"type": "ActionRequired"},
        {"type": "Security"},
        {"region": "West Europe"},
        {"region": "Global"},
    ]
    for number in range(20):
        sent = [service_health(60, **kinds[number % 5])]
        if number % 2:
            sent.append(health(90, VMS[number % 5], "Degraded"))
        lasts = random_.uniform(20, 200)
        yield {
            "dark": everywhere((200, 200 + lasts)),
            "monitor": degraded(200, 200 + lasts),
            "sent": shuffled(sent),
            "until": 1500,
        }


def maintenance() -> Iterator[Case]:
    """Planned maintenance takes machines down one after the other."""
    for _ in range(20):
        at, sent = 60.0, [service_health(5, type=MAINTAINED)]
        for vm in VMS:
            lasts = random_.uniform(30, 240)
            sent += [
                annotation(at, vm, "Platform Initiated"),
                health(at + 5, vm),
                health(at + lasts, vm, "Available"),
            ]
            at += lasts + 90
        yield {"sent": shuffled(sent), "until": at + 300}


def synthetic() -> Iterator[Case]:
    """Somebody tests the alerts: synthetic events, beside a small blip."""
    for number in range(20):
        sent = [service_health(60, synthetic="True" if number % 2 else "true")]
        sent += [alert(70, vm) for vm in VMS[:2]]
        blip = everywhere((60, 60 + random_.uniform(10, 200))) if number % 3 else {}
        yield {"dark": blip, "sent": shuffled(sent), "until": 1200}


def resolved() -> Iterator[Case]:
    """A real outage that is over just before it would have been believed."""
    for number in range(25):
        begin, lasts = 60, 150 + number * 125 / 24
        end = begin + lasts
        sent = [*down(begin, end), service_health(end - 60), service_health(end + 30, "Resolved")]
        yield {
            "dark": everywhere((begin, end)),
            "monitor": degraded(begin, end),
            "sent": shuffled(sent),
            "until": end + 900,
        }


def of_another_time() -> Iterator[Case]:
    """Events of last week are delivered again, others come from clocks that run ahead; a blip beside them."""
    for number in range(20):
        moved = -random_.uniform(1900, 7 * 86400) if number % 2 else random_.uniform(400, 3600)
        sent = [health(random_.uniform(60, 200), vm, occurred=60 + moved) for vm in VMS]
        blip = everywhere((100, 100 + random_.uniform(30, 200)))
        yield {"dark": blip, "sent": shuffled(sent), "until": 1500}


def stopped_on_purpose() -> Iterator[Case]:
    """Somebody deallocates the whole application for the night."""
    for number in range(15):
        begin, end = 60.0, 60 + random_.uniform(900, 2400)
        sent: list[Case] = []
        for vm in VMS:
            at = begin + random_.uniform(0, 20)
            sent += [annotation(at, vm), health(at + 5, vm), health(end + 30, vm, "Available")]
        yield {
            "dark": everywhere((begin + 45, end)),
            "monitor": degraded(begin + 45, end),
            "sent": shuffled(sent) if number % 2 else sent,
            "until": end + 300,
        }


def outages() -> Iterator[Case]:
    """A region that is down, for longer than it takes to believe it, told of in different ways."""
    for number in range(64):
        begin = random_.uniform(60, 90)
        end = begin + random_.uniform(1500, 3000)
        dark = everywhere((begin, end))
        monitor = degraded(begin, end)
        sent = down(begin, end)
        match number % 8:
            case 1:  # only the front door tells of it, from two sides
                sent = []
            case 2:  # Traffic Manager cannot be read
                monitor = [[begin, end, None]]
            case 3:  # one vantage point still sees the application, from a cache
                del dark[POINTS[number % 3]]
            case 4:  # one vantage point is cut off itself
                sent.append(alert(begin + 40, VMS[0], "log"))
            case 5:  # Service Health is early
                sent = [service_health(begin + 30)]
                monitor = [[begin, end, None]] if number % 16 == 5 else monitor
            case 6:  # machines come and go within it
                sent += [
                    health(begin + 100, VMS[0], "Available", occurred=begin - 40),
                    health(begin + 200, VMS[1], "Unknown"),
                ]
            case 7:  # events of Resource Health come as alerts
                sent = [{**e, "kind": "health_alert"} for e in sent]
        sent += [service_health(begin + random_.uniform(500, 900)), service_health(end, "Resolved")]
        canary = {POINTS[number % 3]: [(begin, end)]} if number % 8 == 4 else {}
        yield {
            "outage": begin,
            "dark": dark,
            "canary": canary,
            "monitor": monitor,
            "sent": shuffled(sent),
            "until": end + 1300,
        }


FAMILIES = (
    blips,
    one_vantage_point,
    isolated,
    one_machine,
    deployments,
    advisories,
    maintenance,
    synthetic,
    resolved,
    of_another_time,
    stopped_on_purpose,
    outages,
)
random_ = random.Random(2026)


def cases() -> Iterator[Case]:
    """Yield every case, each with its name and its label."""
    random_.seed(2026)
    for family in FAMILIES:
        for number, case in enumerate(family()):
            sent = sorted(case.pop("sent", []), key=lambda event: event["at"])
            for position, event in enumerate(sent):
                event["id"] = f"{family.__name__}-{number}-{_origin(event, position, sent)}"
            outage = case.pop("outage", None)
            yield {
                "name": f"{family.__name__}-{number}",
                "outage": None if outage is None else round(outage, 1),
                "dark": {},
                "canary": {},
                "monitor": [],
                **case,
                "until": round(case["until"]),
                "sent": sent,
            }


def _origin(event: Case, position: int, sent: list[Case]) -> int:
    """Return the position of the event that this one repeats, or its own: a repeated event keeps its id."""
    same = {k: v for k, v in event.items() if k not in ("at", "id")}
    for earlier, other in enumerate(sent[:position]):
        if {k: v for k, v in other.items() if k not in ("at", "id")} == same:
            return earlier
    return position


if __name__ == "__main__":
    for each in cases():
        sys.stdout.write(f"{json.dumps(each)}\n")
