"""The ground that is fuzzed: the real app on the local host over the simulated Azure, and all that it keeps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from domain.caller import Role
from tests.fuzz.asked import Asked, Names
from tests.journeys.callers import ALICE, BOB
from tests.journeys.world import World, world

SLACK_KEY, TEAMS_KEY = "planted-slack-secret", b"planted-teams-secret"
EVERY_ROLE = [role.value for role in Role]
VAULT_PLAN = "replicationRecoveryPlans/shop-1"


class Heard(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float


@dataclass
class Ground:
    """A world of its own, what is there to be asked for, and who may ask."""

    world: World
    folder: Path
    _line: http.client.HTTPConnection | None = None
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict)
    _waits: dict[str, Any] = field(default_factory=dict)
    _ended: str = ""

    def send(self, asked: Asked, more: Mapping[str, str]) -> Heard | None:
        """Send a request and return the answer; None for one that no client can put on the wire."""
        if self._line is None:
            self._line = http.client.HTTPConnection(
                urlsplit(self.world.host.url).netloc, timeout=60
            )
        began = time.perf_counter()
        try:
            headers = {**asked.headers, **more}
            self._line.request(asked.method, asked.target, asked.body or None, headers)
            answer = self._line.getresponse()
            content = answer.read()
        except (ValueError, http.client.InvalidURL):
            self.hang_up()
            return None
        told = {name.lower(): value for name, value in answer.getheaders()}
        if told.get("connection") == "close":
            self.hang_up()
        return Heard(answer.status, told, content, time.perf_counter() - began)

    def hang_up(self) -> None:
        """Let the connection go; the next request makes another."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def token(self, name: str, roles: list[str]) -> dict[str, str]:
        """Return the headers of somebody with these roles."""
        key = (name, *roles)
        if key not in self._tokens:
            self._tokens[key] = self.world.azure.directory.token(name, roles=roles)
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    def state(self) -> Any:
        """Return all that is kept: instances, entities, files, and what Azure was asked for."""
        self.world.host.settle()
        engine = self.world.host.engine
        instances = engine.query(limit=100_000)[0]
        entities = engine.entities()
        return {
            "instances": sorted((each.instance_id, str(each.runtime_status)) for each in instances),
            "entities": {(n, k): engine.entity_state(n, k) for n, k, _ in entities},
            "files": dict(_files(self.folder)),
            "azure": len(self.world.azure.requests),
        }

    def refresh(self, waits: bool = True) -> Names:
        """See to it that a run waits for a decision, or that none holds the application; return what is there."""
        if not self._ended:
            self._ended = self.world.fail_over()
            self.world.decide(self._ended, "reject")
            self.world.until_ended(self._ended)
        shown = self._waits and self.world.show(self._waits["run"])
        if not waits:
            self._waits = self._waits or {
                "run": self._ended,
                "gate": "approval",
                "digest": "0" * 64,
            }
            self._end_all()
        elif not shown or not shown["waitsFor"]:
            self._end_all()
            run = self.world.fail_over()
            asked = self.world.until_asked(run)
            self._waits = {"run": run, "gate": asked["gate"], "digest": asked["digest"]}
        plan = yaml.safe_load((self.folder / "plans/shop.yaml").read_text())
        members = {member["name"]: "latest" for tier in plan["tiers"] for member in tier["members"]}
        text = (self.folder / "plans/shop.yaml").read_text()
        vault = plan["vault"]["id"] if isinstance(plan["vault"], dict) else plan["vault"]
        return Names(
            parts={
                "plan": ("shop", "shop", "shop", "broken", "nowhere"),
                "id": (
                    self._waits["run"],
                    self._waits["run"],
                    self._ended,
                    "failover-shop-nowhere",
                ),
                "region": ("eastus", "EastUS", "westus"),
                "verb": (
                    "failover",
                    "drill",
                    "protect",
                    "reprotect",
                    "commit",
                    "failback",
                    "round-trip",
                    "x",
                ),
            },
            keys={
                "gate": (self._waits["gate"], self._waits["gate"], "none"),
                "digest": (self._waits["digest"], self._waits["digest"], "0" * 64),
                "points": (dict(list(members.items())[:1]), {}),
                "text": (text, text[: len(text) // 2], "status", "plans"),
                "id": (f"{vault}/{VAULT_PLAN}", vault),
                "like": ("shop", None),
                "team_id": ("T1",),
                "user_id": ("UA", "UB"),
                "timestamp": (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),),
                "from": ({"aadObjectId": "aad-bob"},),
            },
        )

    def free(self) -> None:
        """End what has been started beside the run that waits, so that the next request finds the application free."""
        self._end_all(but=self._waits.get("run"))

    def pass_time(self) -> None:
        """Let some story time go by: Azure's buckets fill again."""
        clock = self.world.clock
        clock.advance(clock.now() + timedelta(seconds=2))

    def _end_all(self, but: str | None = None) -> None:
        self.world.host.settle()
        engine = self.world.host.engine
        for each in engine.query(statuses=("Running", "Pending", "Suspended"), limit=10_000)[0]:
            if but is None or not each.instance_id.startswith(but):
                engine.terminate(each.instance_id, "the fuzzer goes on")
        self.world.host.settle()


def slack_proof(body: bytes) -> dict[str, str]:
    """Return the headers with which Slack proves a body."""
    stamp = str(int(time.time()))
    made = hmac.new(SLACK_KEY.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={made.hexdigest()}",
    }


def teams_proof(body: bytes) -> dict[str, str]:
    """Return the header with which Teams proves a body."""
    made = hmac.new(TEAMS_KEY, body, hashlib.sha256).digest()
    return {"Authorization": f"HMAC {base64.b64encode(made).decode()}"}


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Make a ground: the shop, a plan that is not valid, and both chats set up."""
    before = dict(os.environ)
    people = {
        "slack": {
            "T1/UA": {"oid": "oid-alice", "name": ALICE, "roles": EVERY_ROLE[:2]},
            "T1/UB": {"oid": "oid-bob", "name": BOB, "roles": EVERY_ROLE[:3]},
        },
        "teams": {"aad-bob": {"oid": "oid-bob", "name": BOB, "roles": EVERY_ROLE[:3]}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.yaml").write_text(yaml.safe_dump(people))
    (folder / "plans").mkdir()
    (folder / "plans/broken.yaml").write_text("name: broken\ntiers: [\n")
    os.environ.update(
        SLACK_SIGNING_SECRET=SLACK_KEY,
        TEAMS_SIGNING_SECRET=base64.b64encode(TEAMS_KEY).decode(),
        CHAT_PEOPLE=str(folder / "people.yaml"),
    )
    try:
        with world(folder) as made:
            here = Ground(made, folder)
            yield here
            here.hang_up()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for place in ("plans", "evidence", "ledger"):
        for path in sorted((folder / place).rglob("*")):
            if path.is_file():
                found = path.stat()
                yield str(path), (found.st_size, found.st_mtime_ns)
