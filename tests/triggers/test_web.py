"""A body is a bounded JSON object in UTF-8, or is refused with the mend."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triggers.web import (
    BODY_LIMIT_BYTES,
    DEEPEST,
    BadBody,
    answer,
    check_media_type,
    check_size,
    problem,
    read_object,
)


def asked(body: bytes = b"", headers: dict[str, str] | None = None) -> func.HttpRequest:
    return func.HttpRequest("POST", "http://x/api", body=body, headers=headers or {})


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, "\xc3\xa9"]}\n', {"a": [1, "é"]}),
        (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
        (b'{"a": 1e300}', {"a": 1e300}),
    ],
)
def test_an_object_is_read(body: bytes, value: Any) -> None:
    assert read_object(asked(body)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": -1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_refused_with_the_mend(body: bytes) -> None:
    with pytest.raises(BadBody, match="send one JSON object"):
        read_object(asked(body))


def test_a_key_that_is_there_twice_is_refused_by_name() -> None:
    with pytest.raises(BadBody, match="the key 'b' is there twice"):
        read_object(asked(b'{"a": {"b": 1, "c": 2, "b": 1}}'))


def test_a_body_is_read_to_a_depth_and_no_deeper() -> None:
    inner = DEEPEST - 1  # an innermost number is a level, too
    assert read_object(asked(b'{"a":' * inner + b"1" + b"}" * inner))
    with pytest.raises(BadBody, match=f"nested too deep; {DEEPEST} levels"):
        read_object(asked(b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "image/svg+xml"},
        {"Content-Type": "text/x+json"},
        {"Content-Type": "nonsense"},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
    ],
)
def test_a_body_that_says_it_is_no_plain_json_is_415(headers: dict[str, str]) -> None:
    with pytest.raises(BadBody) as refused:
        check_media_type(asked(b"{}", headers))
    assert refused.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    check_media_type(asked(b"", headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"content-type": "Application/JSON; Charset=UTF-8"},
        {"Content-Type": "application/cloudevents+json", "Content-Encoding": "identity"},
    ],
)
def test_json_by_its_names_is_taken(headers: dict[str, str]) -> None:
    check_media_type(asked(b"{}", headers))


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7", b"true"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="but no object"):
        read_object(asked(body))


def test_an_empty_body_may_stand_for_something() -> None:
    with pytest.raises(BadBody):
        read_object(asked(b" \n"), empty_is={"a": 1})
    with pytest.raises(BadBody):
        read_object(asked(b"null"), empty_is={})


def test_a_body_above_the_limit_is_not_read() -> None:
    largest = b'{"a": "' + b"x" * (BODY_LIMIT_BYTES - 9) + b'"}'
    assert len(largest) == BODY_LIMIT_BYTES
    assert read_object(asked(largest))
    with pytest.raises(BadBody, match=f"has {BODY_LIMIT_BYTES + 1} bytes; at most"):
        read_object(asked(largest + b" "))
    with pytest.raises(BadBody) as refused:
        check_size(asked(largest + b" "))
    assert refused.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@settings(deadline=None)
@given(
    st.binary(max_size=60) | st.text(st.characters()).map(lambda t: t.encode("utf-8", "replace"))
)
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        assert isinstance(read_object(asked(body)), dict)
    except BadBody as refused:
        assert str(refused)


def test_a_problem_has_the_shape_of_rfc_9457() -> None:
    said = problem(HTTPStatus.CONFLICT, "é is held", holder="run-1")
    assert said.status_code == 409
    assert said.mimetype == "application/problem+json"
    assert json.loads(said.get_body()) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "é is held",
        "holder": "run-1",
    }


def test_an_answer_may_say_where_to_look() -> None:
    said = answer({"run": "r"}, HTTPStatus.ACCEPTED, location="/api/runs/r")
    assert (said.status_code, said.headers["Location"]) == (202, "/api/runs/r")
    assert "Location" not in answer({}).headers
