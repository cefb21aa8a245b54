"""Cards are what Teams shows, by the schema of adaptive cards, and its signature is held to the byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from adapters.egress import Egress
from adapters.teams import Teams, adaptive_card
from domain.chat import Message, question_of
from domain.errors import Permanent
from tests.adapters.listener import listening
from tests.adapters.wires import Wires, named

SECRET = base64.b64encode(b"planted-teams-secret").decode()
EGRESS = Egress(None, Wires())
BODY = b'{"text": "<at>Leeward</at> status"}'
URL = "https://leeward.example"
RUN = "failover-shop-20261122-201500-4f1c"
QUESTION = question_of(
    RUN, {"gate": "approval", "digest": "ab" * 32, "until": "22:00", "says": "move it?"}
)


def signature(body: bytes = BODY, key: bytes = b"planted-teams-secret") -> dict[str, str]:
    made = hmac.new(key, body, hashlib.sha256).digest()
    return {"Authorization": f"HMAC {base64.b64encode(made).decode()}"}


@cache
def schema() -> dict[str, Any]:
    """Return the schema of adaptive cards 1.5, as its package ships it."""
    found: dict[str, Any] = json.loads(
        (files("adaptive_cards") / "schemas/schema-1.5.json").read_text("utf-8")
    )
    return found


@pytest.mark.parametrize(
    "message",
    [
        QUESTION,
        Message(title="Done"),
        Message(title="t", text="[x](https://evil.example) <b>", facts={"a": "*" * 5000}),
    ],
    ids=["a question", "a word", "far too much"],
)
def test_cards_fit_the_schema(message: Message) -> None:
    card = adaptive_card(message, URL)
    jsonschema.validate(card, schema())
    assert len(json.dumps(card)) < 28_000  # Teams takes no more
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**card, "body": [{"type": "TextBlock", "txt": "x"}]}, schema())


def test_a_question_opens_the_approval_page_once_and_never_calls_back() -> None:
    card = adaptive_card(QUESTION, URL)
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Look and decide", "url": f"{URL}/api/approval/{RUN}"}
    ]
    assert "actions" not in adaptive_card(QUESTION, None)


def test_other_peoples_words_make_no_link() -> None:
    card = adaptive_card(Message(title="t", text="[here](https://evil.example)"), URL)
    assert "](" not in json.dumps(card)


def test_a_signature_proves_the_sender() -> None:
    Teams(SECRET, None, None, EGRESS).prove(signature(), BODY)


@pytest.mark.parametrize(
    ("secret", "headers", "body"),
    [
        (SECRET, signature(), BODY + b" "),
        (SECRET, signature(key=b"another"), BODY),
        (SECRET, {"Authorization": "HMAC not base64!"}, BODY),
        (SECRET, {"Authorization": signature()["Authorization"].rstrip("=")}, BODY),
        (SECRET, {"Authorization": signature()["Authorization"].replace("HMAC", "Bearer")}, BODY),
        (SECRET, {}, BODY),
        (None, signature(key=b""), BODY),
    ],
    ids=[
        "other bytes",
        "other key",
        "no base64",
        "wrong padding",
        "other scheme",
        "nothing",
        "no secret",
    ],
)
def test_anything_else_proves_nothing(
    secret: str | None, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(Permanent, match=r"not signed|does not fit"):
        Teams(secret, None, None, EGRESS).prove(headers, body)


def test_a_message_is_late_after_five_minutes_and_before_its_time() -> None:
    teams, now = Teams(SECRET, None, None, EGRESS), datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert not teams.is_late(now - timedelta(seconds=299), now)
    assert teams.is_late(now - timedelta(seconds=301), now)
    assert teams.is_late(now + timedelta(seconds=301), now)


def test_a_card_is_posted_as_workflows_takes_it() -> None:
    with listening([202]) as heard:
        assert Teams(None, f"{named(heard.url)}/x?sig=planted", URL, EGRESS).post(QUESTION) is True
        attachment = heard.bodies[0]["attachments"][0]
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        jsonschema.validate(attachment["content"], schema())
