from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)

from adapters.azure_errors import translate, translated
from domain.errors import Permanent, StepError, Transient


def answered(
    status: int, body: Any = None, headers: dict[str, str] | None = None
) -> HttpResponseError:
    text = "" if body is None else json.dumps(body)
    response = SimpleNamespace(
        status_code=status, reason="Because", headers=headers or {}, text=lambda: text
    )
    return HttpResponseError(response=response)


def arm(code: str, message: str = "No.", details: list[dict[str, str]] | None = None) -> Any:
    return {"error": {"code": code, "message": message, "details": details or []}}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_busy_azure_is_waited_for(status: int) -> None:
    error = translate(answered(status, arm("TooManyRequests")), "asking")
    assert isinstance(error, Transient)
    assert error.code == "too_many_requests"
    assert error.message == f"asking: Azure answered {status} TooManyRequests: No."


@pytest.mark.parametrize(
    "code", ["RetryableErrorDueToAnotherOperation", "AnotherOperationInProgress"]
)
def test_another_operation_in_progress_is_waited_for_whatever_the_status(code: str) -> None:
    assert isinstance(translate(answered(400, arm(code)), "x"), Transient)
    inside = arm("Conflict", details=[{"code": code, "message": "Wait for it."}])
    error = translate(answered(400, inside), "x")
    assert isinstance(error, Transient)
    assert error.message.endswith("Wait for it.")


@pytest.mark.parametrize(
    ("header", "after"),
    [({"Retry-After": "17"}, timedelta(seconds=17)), ({}, None), ({"Retry-After": "soon"}, None)],
)
def test_the_server_s_own_wish_is_kept(header: dict[str, str], after: timedelta | None) -> None:
    error = translate(answered(429, None, header), "x")
    assert isinstance(error, Transient)
    assert error.after == after
    assert error.code == "azure_busy"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, arm("ResourceNotFound"), "not_found"),
        (404, None, "not_found"),
        (401, arm("ExpiredAuthenticationToken"), "not_allowed"),
        (403, arm("AuthorizationFailed"), "not_allowed"),
        (400, arm("InvalidParameter"), "invalid_parameter"),
        (409, arm("ScopeLocked"), "scope_locked"),
        (400, None, "refused"),
    ],
)
def test_a_refusal_is_final(status: int, body: Any, code: str) -> None:
    error = translate(answered(status, body), "asking")
    assert isinstance(error, Permanent)
    assert error.code == code
    assert f"Azure answered {status}" in error.message


def test_the_detail_of_an_error_says_more_than_its_top() -> None:
    body = arm("BadRequest", "Bad.", [{"code": "150097", "message": "Another job runs."}])
    error = translate(answered(400, body), "asking")
    assert (error.code, error.message) == (
        "150097",
        "asking: Azure answered 400 150097: Another job runs.",
    )


def test_an_answer_that_is_no_json_keeps_its_reason() -> None:
    assert "502 : Because" in translate(answered(502), "asking").message


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ClientAuthenticationError("no token"), Transient, "no_token"),
        (ServiceResponseError("hung up"), Transient, "no_answer"),
        (ServiceRequestError("no route"), Transient, "not_reached"),
        (IncompleteReadError("cut off"), Transient, "no_answer"),
        (HttpResponseError("cut off"), Transient, "no_answer"),
        (AzureError("odd"), Permanent, "azure_error"),
    ],
)
def test_what_never_became_an_answer_is_told_apart(
    error: AzureError, kind: type[StepError], code: str
) -> None:
    found = translate(error, "asking")
    assert type(found) is kind
    assert found.code == code
    assert found.message.startswith("asking: ")
    assert str(error.message) in found.message


def test_only_azure_s_errors_are_translated() -> None:
    with pytest.raises(Transient) as refused, translated("asking"):
        raise ServiceRequestError("no route")
    assert isinstance(refused.value.__cause__, ServiceRequestError)
    with pytest.raises(KeyError), translated("asking"):
        raise KeyError("a bug")
    with translated("asking"):
        pass


def test_a_refused_identity_is_final() -> None:
    refused = ClientAuthenticationError(
        response=answered(401, arm("InvalidAuthenticationToken")).response
    )
    found = translate(refused, "asking")
    assert (type(found), found.code) == (Permanent, "not_authenticated")
