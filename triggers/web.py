"""HTTP in and out: bounded JSON bodies, problem+json answers, and who is calling."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NoReturn

import azure.functions as func

from domain.plan_rules import PlanRefused

BODY_LIMIT_BYTES = 1_000_000
# Set by App Service authentication, which drops the header when a client sends it.
PRINCIPAL = "x-ms-client-principal-name"
KEY_HOLDER = "somebody with the function key"


class BadBody(Exception):
    """The request's body is not what this door takes."""


def read_object(req: func.HttpRequest, empty_is: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON object in the body; raises BadBody with the mend."""
    body = req.get_body()
    if len(body) > BODY_LIMIT_BYTES:
        raise BadBody(f"the body has {len(body)} bytes; at most {BODY_LIMIT_BYTES} are read")
    if not body.strip() and empty_is is not None:
        return empty_is
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(
            value, ensure_ascii=False
        ).encode()  # refuses half characters, which no text may have
    except (ValueError, RecursionError) as error:
        raise BadBody("the body is not JSON in UTF-8; send one JSON object") from error
    if not isinstance(value, dict):
        raise BadBody("the body is JSON, but no object; send {...}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def caller(req: func.HttpRequest) -> str:
    """Return who calls, as far as is known."""
    return req.headers.get(PRINCIPAL, "").strip()[:200] or KEY_HOLDER


def answer(
    value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK, location: str | None = None
) -> func.HttpResponse:
    """Return a JSON answer."""
    headers = {"Location": location} if location else {}
    return func.HttpResponse(
        json.dumps(value, ensure_ascii=False),
        status_code=status.value,
        mimetype="application/json",
        headers=headers,
    )


def mistakes_of(error: PlanRefused) -> list[dict[str, Any]]:
    """Return what is wrong with a plan file, line by line, as a problem tells it."""
    return [{"line": mistake.line, "what": mistake.what} for mistake in error.mistakes]


def problem(status: HTTPStatus, detail: str, **more: Any) -> func.HttpResponse:
    """Return a problem+json answer (RFC 9457)."""
    value = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **more,
    }
    return func.HttpResponse(
        json.dumps(value, ensure_ascii=False),
        status_code=status.value,
        mimetype="application/problem+json",
    )
