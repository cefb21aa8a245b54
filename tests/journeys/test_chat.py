"""Chats through the app's own doors: signed commands and buttons, in the name of the person behind the account."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import yaml

from tests.journeys.callers import ALICE, BOB
from tests.journeys.world import Json, World, world

SLACK_KEY, TEAMS_KEY = "planted-slack-secret", b"planted-teams-secret"
ROLES = {"alice": ["Leeward.Read", "Leeward.Operate"], "bob": ["Leeward.Read", "Leeward.Approve"]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, str]]]:
    """Run the shop with both chats set up."""
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("chat")
    people = {
        "slack": {
            "T1/UA": {"oid": "oid-alice", "name": ALICE, "roles": ROLES["alice"]},
            "T1/UB": {"oid": "oid-bob", "name": BOB, "roles": ROLES["bob"]},
        },
        "teams": {"aad-bob": {"oid": "oid-bob", "name": BOB, "roles": ROLES["bob"]}},
    }
    (folder / "people.yaml").write_text(yaml.safe_dump(people))
    os.environ.update(
        SLACK_SIGNING_SECRET=SLACK_KEY,
        TEAMS_SIGNING_SECRET=base64.b64encode(TEAMS_KEY).decode(),
        CHAT_PEOPLE=str(folder / "people.yaml"),
    )
    with world(folder) as made:
        yield made, dict(os.environ)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def w(told: tuple[World, dict[str, str]], clean_environment: None) -> World:
    made, environment = told
    os.environ.update(environment)
    return made


def slack(w: World, fields: dict[str, str], seconds: int = 0) -> httpx.Response:
    """Send what Slack would send, signed at another time if asked."""
    body = urlencode(fields).encode()
    stamp = str(int(time.time()) + seconds)
    made = hmac.new(SLACK_KEY.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={made.hexdigest()}",
    }
    return w.http.request("POST", "/api/chat/slack", content=body, headers=headers, auth=None)


TRIGGERS = iter(range(1, 10_000))


def command(w: World, text: str, user: str = "UA") -> Json:
    """Say something with the slash command; each time has a trigger of its own, as in Slack."""
    fields = {
        "command": "/leeward",
        "text": text,
        "team_id": "T1",
        "user_id": user,
        "trigger_id": str(next(TRIGGERS)),
    }
    answer = slack(w, fields)
    assert answer.status_code == 200, answer.text
    said: Json = answer.json()
    assert said["response_type"] == "ephemeral"
    return said


def press(w: World, value: Json, user: str) -> httpx.Response:
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": user},
        "trigger_id": str(next(TRIGGERS)),
        "actions": [{"action_id": "leeward.approve", "value": json.dumps(value)}],
        "response_url": "https://hooks.slack.com/actions/x",
    }
    return slack(w, {"payload": json.dumps(payload)})


def teams(
    w: World, text: str, sender: str = "aad-bob", late: int = 0, **more: str
) -> httpx.Response:
    at = datetime.now(UTC) - timedelta(seconds=late)
    activity = {
        "id": str(next(TRIGGERS)),
        "timestamp": at.isoformat(),
        "text": f"<at>Leeward</at>&nbsp;{text}",
        "from": {"aadObjectId": sender},
        **more,
    }
    body = json.dumps(activity).encode()
    made = hmac.new(TEAMS_KEY, body, hashlib.sha256).digest()
    headers = {
        "Authorization": f"HMAC {base64.b64encode(made).decode()}",
        "Content-Type": "application/json",
    }
    return w.http.request("POST", "/api/chat/teams", content=body, headers=headers, auth=None)


def test_a_run_is_held_let_go_and_ended_in_slack(w: World) -> None:
    run = w.fail_over()
    for word, told in (
        ("pause", "Done"),
        ("pause", "Not done"),
        ("resume", "Done"),
        ("cancel", "Done"),
    ):
        assert command(w, f"{word} {run}")["text"].startswith(told), word
        w.host.settle()
    assert "Not done" in command(w, f"pause {run}", "UB")["text"], "bob may approve, not operate"
    assert w.until_ended(run)["outcome"] == "CANCELLED"


def test_a_failover_is_asked_for_shown_and_approved_in_slack(w: World) -> None:
    assert "shop" in json.dumps(command(w, "plans"))
    done = command(w, "failover shop because East US is dark")
    assert "Done" in done["text"], done
    run = done["blocks"][-1]["fields"][0]["text"].split("\n")[1].replace("\N{ZERO WIDTH SPACE}", "")
    asked = w.until_asked(run)
    question = command(w, f"status {run}", "UB")
    buttons = question["blocks"][-1]["elements"]
    value = json.loads(buttons[0]["value"])
    assert value["digest"] == asked["digest"]

    assert press(w, value, "UA").status_code == 200  # who asked has no role to approve
    assert press(w, {**value, "digest": "0" * 64}, "UB").status_code == 200  # another plan's digest
    assert press(w, value, "UNKNOWN").status_code == 200
    w.host.settle()
    assert w.show(run)["waitsFor"] is not None, "none of these counted"

    assert "Not done" in command(w, f"approve {run} {'0' * 8}", "UB")["text"]
    assert press(w, value, "UB").status_code == 200
    shown = w.until_ended(run)
    assert shown["outcome"] == "COMPLETED", shown["because"]
    record = w.evidence(run)
    assert [d["by"] for d in record["decisions"]] == [BOB]
    assert record["run"]["reason"] == "East US is dark"
    assert SLACK_KEY not in json.dumps(record)


def test_each_signature_counts_once_and_for_five_minutes(w: World) -> None:
    fields = {"text": "plans", "team_id": "T1", "user_id": "UA", "trigger_id": "once"}
    assert slack(w, fields, -299).status_code == 200
    again = slack(w, fields, -299)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert slack(w, fields, 299).status_code == 200
    for seconds in (-301, 303):  # a second may pass on the way
        assert slack(w, fields, seconds).status_code == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"payload": "not json"},
        {"payload": "[]"},
        {"payload": "{}"},
        {"payload": '{"actions": [{"value": "{}"}]}'},
        {"payload": '{"actions": [{"value": "[1]"}], "user": 7, "team": null}'},
        {f"f{n}": "x" for n in range(41)},
    ],
    ids=[
        "no json",
        "a list",
        "no action",
        "an empty button",
        "a foreign button",
        "too many fields",
    ],
)
def test_what_slack_never_sends_is_refused(w: World, fields: dict[str, str]) -> None:
    answer = slack(w, fields)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('{"type"', '{"user": {"id": "UA"}, "type"'),
        lambda text: text.replace('{"type"', '{"n": NaN, "type"'),
        lambda text: text.replace('{"type"', '{"deep": ' + "[" * 50 + "]" * 50 + ', "type"'),
        lambda text: text.replace("verdict", r"verdict\": \"reject\", \"verdict"),
    ],
    ids=["a key twice", "NaN", "deep", "a key twice in the button"],
)
def test_a_button_is_decoded_strictly(w: World, change: Callable[[str], str]) -> None:
    value = {"run": "failover-shop-1", "gate": "approval", "digest": "d", "verdict": "approve"}
    payload = json.dumps(
        {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": "UB"},
            "actions": [{"value": json.dumps(value)}],
            "trigger_id": str(next(TRIGGERS)),
        }
    )
    assert slack(w, {"payload": payload}).status_code == 200
    broken = change(payload)
    assert broken != payload
    refused = slack(w, {"payload": broken})
    assert (refused.status_code, refused.json()["status"]) == (400, 400), refused.text


def test_an_account_that_belongs_to_nobody_does_nothing(w: World) -> None:
    before = w.http.get("/api/runs").json()
    assert "belongs to nobody" in command(w, "failover shop", "UNKNOWN")["text"]
    assert w.http.get("/api/runs").json() == before


def test_teams_may_read_and_decide_nothing(w: World) -> None:
    assert "shop" in teams(w, "plans").json()["text"]
    assert "may only read" in teams(w, "failover shop").json()["text"]
    assert "belongs to nobody" in teams(w, "plans", sender="stranger").json()["text"]
    assert teams(w, "plans", late=301).status_code == 401
    assert [teams(w, "plans", id="the same message").status_code for _ in range(2)] == [200, 409]
    assert w.http.request("POST", "/api/chat/teams", json={}, auth=None).status_code == 401


def test_the_approval_page_holds_nothing_and_runs_its_own_script_alone(w: World) -> None:
    page = w.http.request("GET", "/api/approval/failover-shop-20261122-201500-4f1c", auth=None)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "failover-shop" not in page.text
    policy = page.headers["content-security-policy"]
    script = page.text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert w.http.request("GET", "/api/approval/..%2Fx", auth=None).status_code == 404
    assert w.http.request("POST", "/api/approval/some-run", auth=None).status_code in (404, 405)


def test_people_are_read_anew_each_time(w: World) -> None:
    path = Path(os.environ["CHAT_PEOPLE"])
    kept = path.read_text()
    path.write_text("slack: {")
    assert "cannot be read" in command(w, "plans")["text"]
    path.write_text("slack: {}")
    assert "belongs to nobody" in command(w, "plans")["text"]
    path.write_text(kept)
    assert "shop" in json.dumps(command(w, "plans"))
