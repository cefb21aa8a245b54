"""One POST of JSON to a chat's webhook; its address is a secret and stays out of every message."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import requests

from domain.errors import Permanent, Transient

TIMEOUT_SECONDS = 5.0


def post_json(url: str, body: dict[str, Any], proxy: str | None) -> None:
    """Post once, follow nothing; raises Transient where a later try may succeed, else Permanent."""
    with requests.Session() as session:
        # The environment would send ~/.netrc along, and put HTTPS_PROXY before our own.
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        try:
            # What a chat says beyond its status is nobody's business, however long it is.
            answer = session.post(
                url, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            )
            answer.close()
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
