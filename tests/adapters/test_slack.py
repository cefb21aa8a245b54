"""Slack's signature is held to the byte and the second, and its messages to Slack's own model of them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from slack_sdk.models.blocks import Block

from adapters.egress import Egress
from adapters.slack import Slack, slack_message
from domain.chat import Message, question_of
from domain.errors import Permanent
from tests.adapters.listener import listening
from tests.adapters.wires import Wires, named

SECRET = "planted-slack-secret"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BODY = b"team_id=T1&user_id=U1&text=status+%2B"
EGRESS = Egress(None, Wires())
SLACK = Slack(SECRET, None, EGRESS)
RUN = "failover-shop-20261122-201500-4f1c"


def signed(body: bytes = BODY, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made.hexdigest()}"}


@pytest.mark.parametrize("seconds", [0, 299, 300, -299, -300])
def test_a_signature_of_these_five_minutes_proves_the_sender(seconds: int) -> None:
    headers = signed(at=NOW + timedelta(seconds=seconds))
    assert headers["X-Slack-Signature"] == f"v0={SLACK.prove(headers, BODY, NOW)}"


@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_an_old_signature_and_one_from_the_future_prove_nothing(seconds: int) -> None:
    with pytest.raises(Permanent, match="five minutes"):
        SLACK.prove(signed(at=NOW + timedelta(seconds=seconds)), BODY, NOW)


def test_the_signature_is_of_the_very_bytes() -> None:
    with pytest.raises(Permanent, match="does not fit"):
        SLACK.prove(signed(), BODY.replace(b"%2B", b"%2b"), NOW)  # the same text, encoded anew


def test_another_secret_proves_nothing() -> None:
    with pytest.raises(Permanent, match="does not fit"):
        SLACK.prove(signed(secret="another"), BODY, NOW)


@pytest.mark.parametrize(
    "change", ["upper", "no version", "v1", "empty", "no time", "time in words"]
)
def test_what_is_not_signed_as_slack_signs_is_refused(change: str) -> None:
    headers = signed()
    good = headers["X-Slack-Signature"]
    bad = {
        "upper": "v0=" + good[3:].upper(),
        "no version": good[3:],
        "v1": "v1" + good[2:],
        "empty": "",
    }
    if change in bad:
        headers["X-Slack-Signature"] = bad[change]
    else:
        headers["X-Slack-Request-Timestamp"] = "" if change == "no time" else "noon"
    with pytest.raises(Permanent, match="not signed"):
        SLACK.prove(headers, BODY, NOW)


def test_without_a_secret_nobody_is_believed() -> None:
    with pytest.raises(Permanent, match="not set up"):
        Slack(None, None, EGRESS).prove(signed(secret=""), BODY, NOW)


@pytest.mark.parametrize(
    "message",
    [
        question_of(
            RUN, {"gate": "approval", "digest": "ab" * 32, "until": "22:00", "says": "move it?"}
        ),
        Message(title="Done"),
        Message(
            title="x" * 400,
            text="<!channel> *all* & " * 900,
            facts={f"k{n}": "&" * 9000 for n in range(23)},
        ),
    ],
    ids=["a question", "a word", "far too much"],
)
def test_messages_are_what_slack_takes(message: Message) -> None:
    said = slack_message(message)
    assert len(said["text"]) <= 4000 and len(said["blocks"]) <= 50
    for block in Block.parse_all(said["blocks"]):
        block.validate_json()
        for part in (block.to_dict().get("text"), *block.to_dict().get("fields", [])):
            assert part is None or len(part["text"]) <= (
                3000 if part is block.to_dict().get("text") else 2000
            )


def test_other_peoples_words_mention_nobody() -> None:
    said = str(slack_message(Message(title="t", text="<!channel> <https://evil.example|here>")))
    assert "<!channel>" not in said and "<https" not in said and "&lt;!channel&gt;" in said


def test_a_button_is_answered_at_slack_and_nowhere_else() -> None:
    for address in (
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://10.0.0.1/x",
        "",
    ):
        with pytest.raises(Permanent, match="not an address of Slack's"):
            SLACK.reply(address, Message(title="Done"))


def test_a_message_is_posted_to_the_webhook_and_the_address_stays_secret() -> None:
    with listening([200, 503, 400]) as heard:
        slack = Slack(SECRET, f"{named(heard.url)}/services/planted-path", EGRESS)
        assert slack.post(Message(title="Done")) is True
        assert heard.bodies[0]["blocks"][0]["text"]["text"] == "Done"
        for _ in range(2):
            with pytest.raises(Exception, match="the chat answered") as refused:
                slack.post(Message(title="Done"))
            assert "planted-path" not in str(refused.value)
    with pytest.raises(Exception, match="could not be reached") as gone:
        slack.post(Message(title="Done"))
    assert "planted-path" not in repr(gone.value.__cause__) + str(gone.value)
    assert SLACK.post(Message(title="Done")) is False
