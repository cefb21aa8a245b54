"""The page that a card's button opens: it shows what is asked, and decides only when a person presses a button."""

from __future__ import annotations

import base64
import hashlib
import re
from http import HTTPStatus
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

from triggers.api import RUN_ID
from triggers.operation import operation
from triggers.web import problem

PAGE = (Path(__file__).parent / "pages" / "approval.html").read_text(encoding="utf-8")


def _hash_of(tag: str) -> str:
    """Return the hash by which a browser is told to run, or to use, the page's own inline text and no other."""
    found = re.search(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    digest = hashlib.sha256((found.group(1) if found else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash_of('script')}",
            f"style-src {_hash_of('style')}",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    ),
}


@operation({HTTPStatus.OK: {"text/html": None}}, HTTPStatus.NOT_FOUND)
async def show_approval(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Return the page; it holds nothing of the run, and whatever follows links learns and decides nothing."""
    if not RUN_ID.fullmatch(req.route_params.get("id", "")):
        return problem(HTTPStatus.NOT_FOUND, "there is no such run")
    return func.HttpResponse(PAGE, mimetype="text/html", headers=HEADERS)
