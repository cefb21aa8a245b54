"""The story: East US goes dark, Azure says so, a person agrees, and the shop moves to West US.

Everything here happens outside the app: the demo knows the app's HTTP surface and nothing else of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from local.demo import events
from local.demo.screen import Screen

SUBSCRIPTION = "5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b"
SHOP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop-east/providers/Microsoft.Compute/virtualMachines"
FRONT_DOOR = "http://shop.trafficmanager.net/healthz"
OPERATOR = "olivia@shop.example"
ALERTING = "azure-monitor"
READING_TIME = timedelta(seconds=75)
LOOK_EVERY_WALL_SECONDS = 0.15
GIVE_UP_WALL_SECONDS = 120.0
FORMATS = ("json", "md", "html")


class StoryBroke(Exception):
    """The story did not go on as it must."""


class Story:
    """One outage, from the first sign to the evidence."""

    def __init__(self, host: str, azure_control: str, screen: Screen) -> None:
        self._app = httpx.Client(base_url=host, timeout=30, trust_env=False)
        self._azure = httpx.Client(base_url=azure_control, timeout=30, trust_env=False)
        self._world = httpx.Client(proxy=azure_control, timeout=30, trust_env=False)
        self._screen = screen
        self._app.headers.update(self._token(OPERATOR))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for client in (self._app, self._azure, self._world):
            client.close()

    def tell(self, folder: Path) -> dict[str, Any]:
        """Live through the outage and return the evidence; its files go to the folder."""
        self._calm()
        self._outage()
        self._signals()
        run = self._believed()
        self._approve(run)
        self._follow(run, lambda shown: bool(shown["state"] == "ended"))
        return self._fetch(run, folder)

    def _calm(self) -> None:
        self._handshake()
        served = self._world.get(FRONT_DOOR)
        self._say(
            "azure",
            f"the shop answers {served.status_code} from {served.headers.get('x-served-by')}",
        )

    def _handshake(self) -> None:
        """Subscribe as Event Grid does: it sends a code and wants it back."""
        code = "4d7b0f6e-0d43-4c39-8f0c-2f1f6a0f9a17"
        said = self._to_event_grid(
            events.validation(f"/subscriptions/{SUBSCRIPTION}", self._now(), code),
            "SubscriptionValidation",
        )
        if said.json().get("validationResponse") != code:
            raise StoryBroke(f"the Event Grid handshake was not answered: {said.text}")

    def _outage(self) -> None:
        self._azure.post("/_simulator/regions/eastus", json={"down": True}).raise_for_status()
        self._say("azure", "East US goes dark")
        served = self._world.get(FRONT_DOOR)
        if served.status_code < 500:
            raise StoryBroke(f"the region is down, yet the shop answers {served.status_code}")

    def _signals(self) -> None:
        """Send what Azure would send, beside what Leeward sees for itself."""
        self._wait(timedelta(seconds=20))
        web, db = f"{SHOP}/web-prod-01", f"{SHOP}/db-prod-01"
        self._to_event_grid(events.grid_event(web, "Unavailable", self._now()), "Notification")
        self._say("signal", "Event Grid: web-prod-01 is Unavailable")
        self._wait(timedelta(seconds=10))
        cloud = events.cloud_event(db, "Unavailable", self._now())
        self._app.post(
            "/runtime/webhooks/EventGrid?functionName=on_health_event",
            json=cloud,
            headers={"content-type": "application/cloudevents+json"},
        ).raise_for_status()
        self._say("signal", "Event Grid, as a CloudEvent: db-prod-01 is Unavailable")
        self._follow_stance(lambda stance: stance["quorumSince"])
        self._say("leeward", f"a quorum: {self._stance()['verdict'].split('. ')[0]}")
        self._wait(timedelta(seconds=20))
        alert = events.service_health_alert(SUBSCRIPTION, "East US", self._now())
        self._app.post("/api/alerts", json=alert, headers=self._token(ALERTING)).raise_for_status()
        self._say("signal", "Azure Monitor: Service Health has an active incident in East US")

    def _believed(self) -> str:
        """Wait until the quorum has lasted, and return the run that the incident opened."""
        stance = self._follow_stance(lambda stance: stance["incident"])
        _, _, lasted = stance["incident"]["verdict"].partition("The quorum")
        self._say("leeward", f"the quorum{lasted}")
        return str(self._follow_stance(lambda stance: stance["run"])["run"])

    def _stance(self) -> dict[str, Any]:
        shown = self._app.get("/api/signals/eastus").raise_for_status().json()
        none = {"quorumSince": None, "incident": None, "run": None}
        stance: dict[str, Any] = shown["plans"].get("shop", none)
        return stance

    def _follow_stance(self, enough: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Look at where the shop stands towards East US until that is enough."""
        give_up = time.monotonic() + GIVE_UP_WALL_SECONDS
        while time.monotonic() < give_up:
            stance = self._stance()
            if enough(stance):
                return stance
            time.sleep(LOOK_EVERY_WALL_SECONDS)
        raise StoryBroke(f"the outage was not believed: {self._stance()}")

    def _approve(self, run: str) -> None:
        shown = self._follow(run, lambda shown: bool(shown["waitsFor"]))
        asked = shown["waitsFor"]
        if not asked:
            raise StoryBroke(f"the run ended before it asked: {shown}")
        self._wait(READING_TIME)
        decision = {"gate": asked["gate"], "verdict": "approve", "digest": asked["digest"]}
        self._app.post(f"/api/runs/{run}/decisions", json=decision).raise_for_status()
        self._say("operator", f"{OPERATOR} reads the question and approves")

    def _follow(self, run: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Print what the run shows until that is enough, or it has ended."""
        give_up = time.monotonic() + GIVE_UP_WALL_SECONDS
        while time.monotonic() < give_up:
            answer = self._app.get(f"/api/runs/{run}")
            if answer.status_code == httpx.codes.OK:
                shown: dict[str, Any] = answer.json()
                self._screen.facts(shown["facts"])
                if shown["state"] == "ended" or enough(shown):
                    return shown
            time.sleep(LOOK_EVERY_WALL_SECONDS)
        raise StoryBroke(f"run {run} did not move on within {GIVE_UP_WALL_SECONDS:.0f} s")

    def _fetch(self, run: str, folder: Path) -> dict[str, Any]:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in FORMATS:
            answer = self._app.get(
                f"/api/runs/{run}/evidence", params={"format": kind}
            ).raise_for_status()
            (folder / f"evidence.{kind}").write_bytes(answer.content)
        record: dict[str, Any] = self._app.get(f"/api/runs/{run}/evidence").json()
        return record

    def _to_event_grid(self, event: dict[str, Any], kind: str) -> httpx.Response:
        return self._app.post(
            "/runtime/webhooks/EventGrid?functionName=on_health_event",
            json=[event],
            headers={"aeg-event-type": kind},
        ).raise_for_status()

    def _token(self, name: str) -> dict[str, str]:
        """Sign in, as far as the simulated tenant asks for that."""
        token = self._azure.get(f"/_simulator/tokens/{name}").raise_for_status().text
        return {"Authorization": f"Bearer {token}"}

    def _say(self, who: str, what: str) -> None:
        self._screen.line(self._now(), who, what)

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._azure.get("/_simulator/clock").json()["now"])

    def _wait(self, span: timedelta) -> None:
        """Let the story's clock go on: it runs by itself, faster than ours."""
        until = self._now() + span
        while self._now() < until:
            time.sleep(LOOK_EVERY_WALL_SECONDS)
