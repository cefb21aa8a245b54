"""Secrets are planted wherever the app holds one; after a night of trouble they are looked for in all it said.

The host asks for its keys here, so what it must not give away is there to be given away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import httpx
import pytest
import yaml

from tests.journeys.callers import ALICE, BOB, RITA
from tests.journeys.switchboard import Switchboard, switchboard
from tests.journeys.world import Json, World, world

SLACK, LEDGER, WORKFLOWS = (
    "hooks.slack.com",
    "ledger.example.com",
    "prod-07.westus.logic.azure.com",
)
SECRETS = {
    "SLACK_SIGNING_SECRET": "canary-slack-signing-9f2c",
    "SLACK_WEBHOOK_URL": f"https://{SLACK}/services/T1/B1/canary-slack-hook-77aa",
    "TEAMS_SIGNING_SECRET": base64.b64encode(b"canary-teams-signing-51d0").decode(),
    "TEAMS_WEBHOOK_URL": f"https://{WORKFLOWS}:443/workflows/1?sig=canary-teams-sig-3b9e",
    "ACTION_SECRET_LEDGER": "Bearer canary-ledger-token-c4d1",
    "AzureWebJobsStorage": "AccountName=st;AccountKey=canary-storage-key-12ab==",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=canary-insights-key-88fe",
}
PLANTED = (
    "canary-slack-signing-9f2c", "canary-slack-hook-77aa", "canary-teams-signing-51d0", "canary-teams-sig-3b9e",
    "canary-ledger-token-c4d1", "canary-storage-key-12ab", "canary-insights-key-88fe",
    SECRETS["TEAMS_SIGNING_SECRET"],
)  # fmt: skip
FORGED = "eyJhbGciOiJub25lIn0.canary-forged-token.x"


@dataclass
class Night:
    """All that was said in it, by whom, and the secrets that must not be among it."""

    world: World
    board: Switchboard
    said: list[tuple[str, str]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def hear(self, answer: httpx.Response) -> None:
        """Keep an answer whole, its headers too."""
        answer.read()
        head = "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
        what = f"{answer.request.method} {answer.request.url.path}"
        self.said.append((f"the answer to {what}", f"{head}\n{answer.text}"))


class Listener(logging.Handler):
    """Keeps every record of every logger, in full."""

    def __init__(self, night: list[tuple[str, str]]) -> None:
        super().__init__(logging.DEBUG)
        self._night = night
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._night.append((f"the log of {record.name}", self.format(record)))


def plan_of_the_night(plan: Json) -> None:
    plan["reach"].append(LEDGER)
    call = {
        "url": f"https://{LEDGER}/recovered",
        "body": "{}",
        "secrets": {"Authorization": "ledger"},
    }
    misled = {**call, "secrets": {"X-Key": "pager"}}
    actions = [("tell", call), ("tell-in-vain", call), ("misled", misled)]
    plan["tiers"][0]["pre_actions"] = [
        {"name": name, "http": json.loads(json.dumps(http)), "on_error": "continue"}
        for name, http in actions
    ]


def signed_by_slack(fields: dict[str, str], key: str) -> dict[str, str | bytes]:
    body = urlencode(fields).encode()
    stamp = str(int(time.time()))
    made = hmac.new(key.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return {"body": body, "stamp": stamp, "signature": f"v0={made.hexdigest()}"}


def say_in_slack(w: World, key: str) -> int:
    """Send a command, signed with this key."""
    fields = {
        "command": "/leeward",
        "text": "status",
        "team_id": "T1",
        "user_id": "UB",
        "trigger_id": "1",
    }
    made = signed_by_slack(fields, key)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(made["stamp"]),
        "X-Slack-Signature": str(made["signature"]),
    }
    content = made["body"]
    assert isinstance(content, bytes)
    return w.http.request(
        "POST", "/api/chat/slack", content=content, headers=headers, auth=None
    ).status_code


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Live through a failover with trouble at every door."""
    before, folder = dict(os.environ), tmp_path_factory.mktemp("canaries")
    people = {"slack": {"T1/UB": {"oid": "oid-bob", "name": BOB, "roles": ["Leeward.Read"]}}}
    (folder / "people.yaml").write_text(yaml.safe_dump(people))
    said: list[tuple[str, str]] = []
    listener, root = Listener(said), logging.getLogger()
    level = root.level
    loud = (
        "urllib3",
        "urllib3.connectionpool",
        "requests",
        "azure",
        "azure.core",
        "azure.identity",
        "leeward",
    )
    levels = {name: logging.getLogger(name).level for name in loud}
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    for name in loud:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with switchboard(SLACK, LEDGER, WORKFLOWS, certificate=folder / "them.pem") as board:
            settings = {
                **SECRETS,
                "ACTION_SECRETS": f"ledger={LEDGER}",
                "CHAT_PEOPLE": str(folder / "people.yaml"),
                "PUBLIC_URL": "https://leeward.example.com",
                "PROBE_PROXY": board.proxy,
            }
            with world(
                folder, plan_of_the_night, stores=settings, trusted=folder / "them.pem", keys=True
            ) as w:
                board.world = w.azure.proxy_endpoint
                lived = Night(w, board, said)
                heard = [*w.http.event_hooks["response"], lived.hear]
                w.http.event_hooks = {"response": heard}
                live_through(lived)
                lived.secrets = set(PLANTED) | everything_that_opens(w)
            lived.said += [
                (f"the file {path.name}", path.read_bytes().decode("latin-1"))
                for path in sorted(folder.rglob("*"))
                if path.is_file() and "keys" not in path.name
            ]
            lived.said += [("an event", json.dumps(p.event)) for p in w.azure.published_events]
            lived.said += [
                (f"a notice to {host}", body.decode())
                for host, _, _, body in board.heard
                if host != LEDGER
            ]
            yield lived
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
        for name, was in levels.items():
            logging.getLogger(name).setLevel(was)
        os.environ.clear()
        os.environ.update(before)


def everything_that_opens(w: World) -> set[str]:
    """Return the keys of the host, the tokens of the app and of its callers, and what got the app its tokens."""
    keys = json.loads(w.host.keys_file.read_text())
    functions = {key for each in keys["functions"].values() for key in each.values()}
    issued = set(w.azure.tokens._issued)
    callers = {w.by(name)["Authorization"].removeprefix("Bearer ") for name in (ALICE, BOB, RITA)}
    return {
        keys["master"], *keys["host"].values(), *keys["system"].values(), *functions, *issued, *callers,
        w.azure.tokens.header, FORGED,
    }  # fmt: skip


def live_through(night: Night) -> None:
    w, board = night.world, night.board
    board.statuses = {SLACK: [200, 0, 500, 403], WORKFLOWS: [200, 0, 503, 400], LEDGER: [200, 500]}
    w.azure.faults.add("throttle", operation="protectedItems/unplannedFailover", times=1)
    w.azure.faults.add("error", operation="replicationProtectedItems*", status=503, times=2)
    for token in (FORGED, w.by(RITA)["Authorization"].removeprefix("Bearer ")):
        headers = {"Authorization": f"Bearer {token}"}
        assert w.http.post("/api/plans/shop/failover", json={}, headers=headers).status_code in (
            401,
            403,
        )
    assert say_in_slack(w, SECRETS["SLACK_SIGNING_SECRET"]) == 200
    assert say_in_slack(w, "another key") == 401
    hmac_of_teams = {"Authorization": "HMAC AAAA", "Content-Type": "application/json"}
    w.http.request("POST", "/api/chat/teams", content=b"{}", headers=hmac_of_teams, auth=None)
    assert w.http.post("/api/alerts", json={"schemaId": "nonsense"}).status_code < 500
    json_type = {"content-type": "application/json"}
    cut_off = w.http.post("/api/plans/shop/failover", content=b"{", headers=json_type)
    assert cut_off.status_code == 400
    run = w.fail_over(reason="the night of the canaries")
    w.until_asked(run)
    assert w.http.post("/api/plans/shop/failover", json={}).status_code == 409
    shown = w.approved_to_the_end(run)
    assert shown["outcome"] == "COMPLETED_WITH_SKIPS", shown["because"]
    for path in (
        f"runs/{run}/evidence?format=json", f"runs/{run}/evidence?format=md", f"runs/{run}/evidence?format=html",
        f"runs/{run}", "runs", "plans", "plans/shop", "plans/shop/readiness", "signals/eastus", "schedules",
        "readiness", "findings", "kill-switch", f"approval/{run}", "nowhere",
    ):  # fmt: skip
        w.http.get(f"/api/{path}")
    w.http.get("/api/runs/no-such-run")
    wrong = {"x-functions-key": "wrong"}
    for method, below in (
        ("GET", ""),
        ("POST", "/raiseEvent/x"),
        ("POST", "/terminate"),
        ("DELETE", ""),
    ):
        where = f"/runtime/webhooks/durabletask/instances/{run}{below}"
        assert w.http.request(method, where, headers=wrong).status_code == 401


def leaks(night: Night) -> list[str]:
    """Return where a secret was said, in any of the ways in which it may be written."""
    found = []
    for secret in night.secrets:
        for form in {
            secret,
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode().rstrip("="),
        }:
            found += [
                f"{where}: {form[:24]}... in {_around(text, form)}"
                for where, text in night.said
                if form in text
            ]
    return found


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return repr(text[max(0, at - 120) : at + 40])


def test_no_secret_is_said_anywhere(night: Night) -> None:
    assert leaks(night) == []


def test_the_night_had_what_a_secret_could_have_been_said_in(night: Night) -> None:
    heard = {host for host, _, _, _ in night.board.heard}
    assert heard == {SLACK, LEDGER, WORKFLOWS}, "all of them were really sent to"
    (*_, (_, _, headers, _)) = [one for one in night.board.heard if one[0] == LEDGER]
    assert headers["Authorization"] == SECRETS["ACTION_SECRET_LEDGER"]
    loggers = {
        place.removeprefix("the log of ")
        for place, _ in night.said
        if place.startswith("the log of ")
    }
    assert {"leeward.activity", "leeward.door"} <= loggers
    assert any(name.startswith("azure.") for name in loggers)
    files = {place for place, _ in night.said if place.startswith("the file ")}
    assert "the file host.db" in files
    assert any("evidence" in name or name.endswith(".json") for name in files)
    texts = "\n".join(text for place, text in night.said if "evidence" in place)
    assert "(secret)" in texts, "the receiver said the token back, and it was crossed out"
    assert len(night.secrets) > 40


def test_a_secret_that_is_said_is_found(night: Night) -> None:
    for secret in sorted(night.secrets):
        told = Night(night.world, night.board, [("here", f"x{secret}y")], {secret})
        assert leaks(told), secret[:10]


def test_no_answer_leads_to_the_durable_management_endpoints(night: Night) -> None:
    api = [one for one in night.said if one[0].startswith("the answer to") and " /api/" in one[0]]
    assert len(api) > 20
    signs = ("/runtime/webhooks", "durabletask", "code=", "statusQueryGetUri", "sendEventPostUri")
    assert [(where, sign) for where, text in api for sign in signs if sign in text] == []
