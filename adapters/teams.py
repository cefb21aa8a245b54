"""Microsoft Teams: adaptive cards through a Workflows webhook, and what its outgoing webhook asks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.chat_post import post_json
from adapters.egress import Egress
from adapters.wording import for_markdown, plain
from domain.chat import Message
from domain.errors import Permanent

SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
VERSION = "1.5"  # what every Teams client shows
LATEST = timedelta(minutes=5)
MOST_CHARACTERS = 2000


class Teams:
    """One Teams channel: the secret of its outgoing webhook, the Workflows address that cards go to, the app's own."""

    def __init__(
        self, secret: str | None, webhook: str | None, public_url: str | None, egress: Egress
    ) -> None:
        self._secret = secret
        self._webhook = webhook
        self._public_url = public_url
        self._egress = egress

    def prove(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check that Teams signed these very bytes; raises Permanent ``not_proved``.

        The signature holds no time, so it can be sent again for ever: what it asks for may only be read.
        """
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        try:
            key = base64.b64decode(self._secret or "", validate=True)
            signature = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Permanent("not_proved", "the request is not signed as Teams signs") from error
        made = hmac.new(key, body, hashlib.sha256).digest()
        if scheme != "HMAC" or not key or not hmac.compare_digest(made, signature):
            raise Permanent("not_proved", "the signature does not fit the body")

    def is_late(self, sent_at: datetime, now: datetime) -> bool:
        """Say whether a message was written too long ago, or is yet to come."""
        return abs(now - sent_at) > LATEST

    def post(self, message: Message) -> bool:
        """Post a card to the channel and say whether there is one; raises Transient or Permanent."""
        if self._webhook is None:
            return False
        card = {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": adaptive_card(message, self._public_url),
                }
            ],
        }
        post_json(self._egress, self._webhook, card)
        return True

    def words(self, message: Message) -> dict[str, Any]:
        """Return a message as the answer to an outgoing webhook."""
        facts = "".join(
            f"\n\n**{for_markdown(k)}** {for_markdown(v)}" for k, v in message.facts.items()
        )
        text = f"**{for_markdown(message.title)}**\n\n{for_markdown(message.text)}{facts}"
        return {"type": "message", "text": text}


def adaptive_card(message: Message, public_url: str | None) -> dict[str, Any]:
    """Return a message as a card; a Workflows card cannot call back, so its buttons open the approval page."""
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": _text(message.title),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
        }
    ]
    if message.text:
        body.append({"type": "TextBlock", "text": _text(message.text), "wrap": True})
    if message.facts:
        facts = [{"title": plain(k)[:100], "value": _text(v)} for k, v in message.facts.items()]
        body.append({"type": "FactSet", "facts": facts})
    card: dict[str, Any] = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": VERSION,
        "body": body,
    }
    pages = sorted({button.path for button in message.buttons}) if public_url else []
    if pages:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": "Look and decide", "url": f"{public_url}{page}"}
            for page in pages
        ]
    return card


def _text(text: str) -> str:
    return for_markdown(text[:MOST_CHARACTERS])
