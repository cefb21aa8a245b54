"""Slack: who sent a request, how a message looks there, and where it is posted."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from adapters.chat_post import post_json
from adapters.egress import Egress
from adapters.wording import plain
from domain.chat import Button, Message
from domain.errors import Permanent
from domain.run import Verdict

LATEST_SECONDS = 300
RESPONSE_HOST = "hooks.slack.com"
# Slack's own limits for block messages.
HEADER, SECTION, FIELD, FIELDS = 150, 3000, 2000, 10
STYLES = {Verdict.APPROVE: "primary", Verdict.REJECT: "danger"}


class Slack:
    """One Slack workspace app: its signing secret, and the webhook that its messages go to."""

    def __init__(self, secret: str | None, webhook: str | None, egress: Egress) -> None:
        self._secret = (secret or "").encode()
        self._webhook = webhook
        self._egress = egress

    def prove(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Return the proof that Slack sent these very bytes lately; raises Permanent ``not_proved``."""
        if not self._secret:
            raise Permanent("not_proved", "Slack is not set up here")
        stamp, given = (
            headers.get("X-Slack-Request-Timestamp", ""),
            headers.get("X-Slack-Signature", ""),
        )
        if not re.fullmatch(r"[0-9]{1,12}", stamp) or not re.fullmatch(r"v0=[0-9a-f]{64}", given):
            raise Permanent("not_proved", "the request is not signed as Slack signs")
        if abs(now.timestamp() - int(stamp)) > LATEST_SECONDS:
            raise Permanent("not_proved", "the signature is not of these five minutes")
        base = b"v0:" + stamp.encode() + b":" + body
        made = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made, given):
            raise Permanent("not_proved", "the signature does not fit the body")
        return given.removeprefix("v0=")

    def post(self, message: Message) -> bool:
        """Post a message to the channel and say whether there is one; raises Transient or Permanent."""
        if self._webhook is None:
            return False
        post_json(self._egress, self._webhook, slack_message(message))
        return True

    def reply(self, to: str, message: Message) -> None:
        """Replace the message that a button was pressed in; raises Permanent for an address that is not Slack's."""
        parts = urlsplit(to)
        if (
            parts.scheme != "https"
            or parts.hostname != RESPONSE_HOST
            or parts.port not in (None, 443)
        ):
            raise Permanent("not_slack", f"{to[:80]} is not an address of Slack's")
        post_json(self._egress, to, {**slack_message(message), "replace_original": True})

    def words(self, message: Message) -> dict[str, Any]:
        """Return a message as the answer to a slash command, seen by the asker alone."""
        return {**slack_message(message), "response_type": "ephemeral"}


def slack_message(message: Message) -> dict[str, Any]:
    """Return a message in blocks, and as the plain text that notifications show."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": plain(message.title)[:HEADER]}}
    ]
    if message.text:
        blocks.append({"type": "section", "text": _mrkdwn(_escaped(message.text, SECTION))})
    facts = [
        _mrkdwn(f"*{_escaped(k, 100)}*\n{_escaped(v, FIELD - 200)}")
        for k, v in message.facts.items()
    ]
    for start in range(0, len(facts), FIELDS):
        blocks.append({"type": "section", "fields": facts[start : start + FIELDS]})
    if message.buttons:
        blocks.append({"type": "actions", "elements": [_button(one) for one in message.buttons]})
    return {"text": _escaped(f"{message.title}: {message.text}", SECTION), "blocks": blocks}


def _button(button: Button) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": f"leeward.{button.verdict.value}",
        "text": {"type": "plain_text", "text": button.text},
        "style": STYLES[button.verdict],
        "value": json.dumps(button.value),
        "confirm": {
            "title": {"type": "plain_text", "text": f"{button.text}?"},
            "text": {"type": "plain_text", "text": f"{button.text} {button.value['run']}"[:300]},
            "confirm": {"type": "plain_text", "text": button.text},
            "deny": {"type": "plain_text", "text": "Not yet"},
        },
    }


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _escaped(text: str, most: int) -> str:
    """Return text that shows itself and mentions nobody; cut before it is escaped, so no entity is cut in two."""
    shown = plain(text)[: most // 6]
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(char, entity)
    return re.sub(r"([*_~`])", "\N{ZERO WIDTH SPACE}\\1", shown)
