"""One POST of JSON to a chat's webhook; its address is a secret and stays out of every message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests

from adapters.egress import Egress, OutsideReach
from domain.errors import Permanent, Transient
from domain.reach import EVERYWHERE

TIMEOUT_SECONDS = 5.0


def post_json(egress: Egress, url: str, body: dict[str, Any]) -> None:
    """Post once, follow nothing; raises Transient where a later try may succeed, else Permanent."""
    try:
        with egress.session(url, EVERYWHERE, TIMEOUT_SECONDS) as session:
            # What a chat says beyond its status is nobody's business, however long it is.
            answer = session.post(
                url, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            )
            answer.close()
    except OutsideReach:
        raise Permanent(
            "chat_closed", "the chat's address is one that the app never asks"
        ) from None
    except (requests.RequestException, ValueError) as error:
        raise Transient(
            "chat_not_reached", f"the chat could not be reached: {type(error).__name__}"
        ) from None
    if answer.status_code in (429, 500, 502, 503, 504):
        wish = answer.headers.get("Retry-After", "")
        after = timedelta(seconds=int(wish)) if wish.isdecimal() and len(wish) < 6 else None
        raise Transient("chat_busy", f"the chat answered {answer.status_code}", after)
    if not answer.ok:
        raise Permanent("chat_refused", f"the chat answered {answer.status_code}")
