"""HTTP in and out: bounded JSON bodies, and problem+json answers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from email.message import Message
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError

from domain.plan_rules import PlanRefused

BODY_LIMIT_BYTES = 1_000_000
DEEPEST = 40
MISTAKES_TOLD = 5
Body = TypeVar("Body", bound=BaseModel)


class BadBody(Exception):
    """The request's body is not what this door takes."""

    def __init__(self, what: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(what)
        self.status = status


def check_size(req: func.HttpRequest) -> None:
    """Raise BadBody for a body that is too large to be looked at."""
    size = len(req.get_body())
    if size > BODY_LIMIT_BYTES:
        raise BadBody(
            f"the body has {size} bytes; at most {BODY_LIMIT_BYTES} are read",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


def check_media_type(req: func.HttpRequest) -> None:
    """Raise BadBody for a body that says of itself that it is no plain JSON in UTF-8."""
    head = Message()
    head["Content-Type"] = req.headers.get("Content-Type", "").strip() or "application/json"
    kind = head.get_content_type()
    json_like = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    charset = str(head.get_param("charset", "utf-8")).casefold()
    packed = req.headers.get("Content-Encoding", "").strip().casefold()
    if req.get_body() and (
        not json_like or charset not in ("utf-8", "utf8") or packed not in ("", "identity")
    ):
        raise BadBody(
            "send application/json in UTF-8, not packed", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        )


def read_object(req: func.HttpRequest, empty_is: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON object in the body; raises BadBody with the mend."""
    check_size(req)
    body = req.get_body()
    if not body and empty_is is not None:
        return empty_is
    return object_in(body)


def object_in(text: bytes, what: str = "the body") -> dict[str, Any]:
    """Return the JSON object that a text is; raises BadBody with the mend, ``what`` being what it is called."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_each_once,
        )
        # refuses half characters, which no text may have
        json.dumps(value, ensure_ascii=False).encode()
    except _Twice as error:
        raise BadBody(f"the key {str(error)[:40]!r} is there twice; keep one") from error
    except (ValueError, RecursionError) as error:
        raise BadBody(f"{what} is not JSON in UTF-8; send one JSON object") from error
    if not isinstance(value, dict):
        raise BadBody(f"{what} is JSON, but no object; send {{...}}")
    if _depth(value) > DEEPEST:
        raise BadBody(f"{what} is nested too deep; {DEEPEST} levels are read")
    return value


def read_model(
    req: func.HttpRequest, kind: type[Body], empty_is: dict[str, Any] | None = None
) -> Body:
    """Return the body as what a door takes; raises BadBody with the first mistakes by name."""
    value = read_object(req, empty_is)
    try:
        # As JSON, because only there strictness lets "2026-11-28" be a date, and nothing else stand for anything.
        return kind.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        found = [f"{_place(e['loc'])}: {e['msg']}" for e in error.errors(include_url=False)]
        more = [f"and {len(found) - MISTAKES_TOLD} more"] if len(found) > MISTAKES_TOLD else []
        raise BadBody("; ".join(found[:MISTAKES_TOLD] + more)) from error


def _place(where: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:40] for part in where[:6]) or "body"


class _Twice(Exception):
    """An object has a key twice: which of the two counts is anybody's guess."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is too large")
    return number


def _depth(value: Any) -> int:
    """Return how deep a value is nested; it goes down level by level, not into itself."""
    level: list[Any] = [value]
    depth = 0
    while level:
        level = [inner for outer in level for inner in _inner(outer)]
        depth += 1
    return depth


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def answer(
    value: dict[str, Any] | BaseModel,
    status: HTTPStatus = HTTPStatus.OK,
    location: str | None = None,
) -> func.HttpResponse:
    """Return a JSON answer."""
    headers = {"Location": location} if location else {}
    told = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    return func.HttpResponse(
        json.dumps(told, ensure_ascii=False),
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


def unavailable(why: str) -> func.HttpResponse:
    """Return 503 with the wish to be asked again in half a minute."""
    refused = problem(HTTPStatus.SERVICE_UNAVAILABLE, why)
    refused.headers["Retry-After"] = "30"
    return refused
