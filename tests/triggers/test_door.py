"""The door asks who calls before anything else, and answers plainly whatever happens behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

import azure.durable_functions as df
import azure.functions as func
import pytest

from domain.caller import Caller, Role
from domain.errors import Permanent, StepError, Transient
from triggers.door import Door
from triggers.pace import MOST_CALLERS, Pace
from triggers.web import BODY_LIMIT_BYTES, answer, problem, read_object

ANN = Caller("ann-id", "Ann", frozenset({Role.READ, Role.OPERATE}))
SENDER = Caller("sender-id", "sender", frozenset({Role.SIGNAL}), is_app=True)
NO_CLIENT = cast(df.DurableOrchestrationClient, None)


class Known:
    """Knows callers by tokens of one word."""

    def __init__(self, trouble: StepError | None = None) -> None:
        self._trouble = trouble

    def verify(self, token: str) -> Caller:
        if self._trouble:
            raise self._trouble
        return {"ann": ANN, "sender": SENDER}[token]


class Room:
    """What lies behind the door; it remembers who came in."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.entered: list[Caller | None] = []
        self._trouble = trouble

    async def act(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Act."""
        self.entered.append(caller)
        if self._trouble:
            raise self._trouble
        return answer({"read": read_object(req, empty_is={})})

    async def show(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Show."""
        self.entered.append(None)
        return answer({})


def knock(
    guarded: Callable[..., Awaitable[func.HttpResponse]],
    token: str | None = "ann",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> func.HttpResponse:
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    request = func.HttpRequest("POST", "http://x/api", body=body, headers=sent)

    async def answered() -> func.HttpResponse:
        return await guarded(request, NO_CLIENT)

    return asyncio.run(answered())


def via(hops: str) -> dict[str, str]:
    return {"X-Forwarded-For": hops}


def said(response: func.HttpResponse, status: HTTPStatus) -> dict[str, Any]:
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = json.loads(response.get_body())
    assert body["status"] == status
    return body


def read(req: func.HttpRequest) -> func.HttpResponse:
    """Read."""
    return answer({"params": dict(req.params)})


def door(pace: int = 600, trouble: StepError | None = None) -> Door:
    return Door(Known(trouble), Pace(pace), "standby")


def test_who_has_the_role_comes_in_by_name() -> None:
    room = Room()
    assert knock(door().acts(Role.OPERATE, room.act), body=b'{"a": 1}').status_code == 200
    assert room.entered == [ANN]
    assert knock(door().shows(room.show)).status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "ann", "Token ann", "Bearerann"]
)
def test_without_a_token_nobody_comes_in(header: str | None) -> None:
    room = Room()
    headers = {} if header is None else {"Authorization": header}
    refused = knock(door().acts(Role.OPERATE, room.act), None, b"{", headers)
    assert "Authorization: Bearer" in said(refused, HTTPStatus.UNAUTHORIZED)["detail"]
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert room.entered == []


def test_what_a_proxy_would_say_of_the_caller_counts_for_nothing() -> None:
    room = Room()
    guarded = door().acts(Role.OPERATE, room.act)
    for name in ("x-ms-client-principal-name", "x-ms-client-principal", "x-ms-client-principal-id"):
        assert knock(guarded, None, headers={name: "ann"}).status_code == 401
    assert room.entered == []


def test_a_refused_token_is_401_with_the_reason() -> None:
    guarded = door(trouble=Permanent("token-refused", "the token has expired")).shows(Room().show)
    refused = knock(guarded)
    assert said(refused, HTTPStatus.UNAUTHORIZED)["detail"] == "the token has expired"
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_when_nobody_can_say_who_calls_the_caller_is_to_try_again() -> None:
    trouble = Transient("keys-unreachable", "no keys", timedelta(seconds=29.2))
    refused = knock(door(trouble=trouble).shows(Room().show))
    said(refused, HTTPStatus.SERVICE_UNAVAILABLE)
    assert refused.headers["Retry-After"] == "30"


@pytest.mark.parametrize("role", [Role.APPROVE, Role.SIGNAL])
def test_another_role_is_403_and_names_the_one_that_is_missing(role: Role) -> None:
    room = Room()
    refused = knock(door().acts(role, room.act))
    assert role.value in said(refused, HTTPStatus.FORBIDDEN)["detail"]
    assert role.value in refused.headers["WWW-Authenticate"]
    assert room.entered == []


def test_a_body_that_is_too_large_or_packed_is_refused_before_it_is_read() -> None:
    room = Room()
    guarded = door().acts(Role.OPERATE, room.act)
    too_large = b" " * (BODY_LIMIT_BYTES + 1)
    said(knock(guarded, body=too_large), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    said(knock(door().shows(room.show), body=too_large), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    said(knock(door().opens(room.show), None, too_large), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    packed = knock(guarded, body=b"{}", headers={"Content-Encoding": "gzip"})
    said(packed, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    assert room.entered == []


def test_a_bad_body_is_answered_for_the_handler() -> None:
    refused = knock(door().acts(Role.OPERATE, Room().act), body=b"[1]")
    assert said(refused, HTTPStatus.BAD_REQUEST)["detail"].endswith("send {...}")


def test_what_nobody_foresaw_is_503_with_a_number_that_the_log_has_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(RuntimeError("the secret is 1234"))
    refused = knock(door().acts(Role.OPERATE, room.act))
    body = said(refused, HTTPStatus.SERVICE_UNAVAILABLE)
    assert "1234" not in json.dumps(body)
    assert body["number"] in caplog.text
    assert "the secret is 1234" in caplog.text
    assert refused.headers["Retry-After"] == "10"


def test_every_answer_is_kept_out_of_caches_and_frames_and_is_what_it_says() -> None:
    guarded = [door().shows(Room().show), door().opens(Room().show)]
    guarded += [door().acts(Role.OPERATE, Room(RuntimeError("x")).act)]
    for response in [knock(one, token) for one in guarded for token in ("ann", None)]:
        headers = response.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert int(headers["Strict-Transport-Security"].removeprefix("max-age=")) >= 31536000
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_page_keeps_the_policy_that_it_has_of_its_own() -> None:
    async def page(
        req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Show a page."""
        return func.HttpResponse("x", headers={"Content-Security-Policy": "default-src 'self'"})

    response = knock(door().opens(page), None)
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"
    assert response.headers["Cache-Control"] == "no-store"


def test_trouble_says_when_to_try_again() -> None:
    async def busy(
        req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Be busy."""
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not now")

    assert knock(door().acts(Role.OPERATE, busy)).headers["Retry-After"] == "10"


def test_who_asks_too_often_waits_and_others_do_not() -> None:
    room = Room()
    slow = door(pace=3)
    guarded = slow.shows(room.show)
    assert [knock(guarded).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = knock(guarded)
    said(refused, HTTPStatus.TOO_MANY_REQUESTS)
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert len(room.entered) == 3


def test_alerts_are_never_turned_away() -> None:
    room = Room()
    guarded = door(pace=1).acts(Role.SIGNAL, room.act)
    assert {knock(guarded, "sender").status_code for _ in range(50)} == {200}


def test_bad_tokens_from_one_address_are_slowed_down_and_good_ones_are_not() -> None:
    slow = door(pace=2, trouble=Permanent("token-refused", "no"))
    guarded = slow.shows(Room().show)
    seen = [knock(guarded, headers=via(f"{n}, 192.0.2.1")).status_code for n in range(3)]
    assert seen == [401, 401, 429]
    assert knock(guarded, headers=via("192.0.2.1, 192.0.2.2")).status_code == 401
    # Each connection has a port of its own, and App Service writes it along.
    seen = [knock(guarded, headers=via(f"192.0.2.9:{port}")).status_code for port in range(3)]
    assert seen == [401, 401, 429]
    seen = [knock(guarded, headers=via(f"[2001:db8::1]:{port}")).status_code for port in range(3)]
    assert seen == [401, 401, 429]


def test_what_is_refused_at_an_open_door_is_slowed_down_by_address_and_what_is_proved_is_not() -> (
    None
):
    room = Room()

    async def doubt(
        req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Doubt."""
        return problem(HTTPStatus.UNAUTHORIZED, "not signed")

    slow = door(pace=2)
    doubts, shows = slow.opens(doubt), slow.opens(room.show)
    seen = [knock(doubts, None, headers=via("192.0.2.1")).status_code for _ in range(4)]
    assert seen == [401, 401, 429, 429]
    assert int(knock(doubts, None, headers=via("192.0.2.1")).headers["Retry-After"]) >= 1
    assert knock(doubts, None, headers=via("192.0.2.2")).status_code == 401
    assert {knock(shows, None, headers=via("192.0.2.1")).status_code for _ in range(9)} == {200}


def test_a_handler_that_needs_no_client_is_guarded_like_any_other() -> None:
    async def knocked(token: str) -> func.HttpResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return await guarded(func.HttpRequest("GET", "http://x/api", body=b"", headers=headers))

    guarded = door().reads(read)
    assert asyncio.run(knocked("ann")).status_code == 200
    said(asyncio.run(knocked("sender")), HTTPStatus.FORBIDDEN)
    assert guarded.__name__ == "read"


def test_a_silent_store_that_has_every_thread_keeps_nobody_from_acting() -> None:
    speak, reading = threading.Event(), threading.Semaphore(0)

    def silent(req: func.HttpRequest) -> func.HttpResponse:
        """Read what never comes."""
        reading.release()
        assert speak.wait(20)
        return answer({})

    async def both_read() -> None:
        begun = 0
        while begun < 2:
            begun += reading.acquire(blocking=False)
            await asyncio.sleep(0)

    async def acted() -> func.HttpResponse:
        lent = ThreadPoolExecutor(2)
        asyncio.get_running_loop().set_default_executor(lent)
        request = func.HttpRequest("POST", "/", body=b"", headers={"Authorization": "Bearer ann"})
        one = door()
        reads = [asyncio.ensure_future(one.reads(silent)(request)) for _ in range(5)]
        try:
            await asyncio.wait_for(both_read(), 5)
            acting = one.acts(Role.OPERATE, Room().act)(request, NO_CLIENT)
            return await asyncio.wait_for(acting, 5)
        finally:
            speak.set()
            await asyncio.gather(*reads)

    assert asyncio.run(acted()).status_code == 200


def test_a_handler_with_another_proof_is_asked_for_no_token() -> None:
    assert knock(door().opens(Room().show), None).status_code == 200


def test_the_engine_sees_the_handler_s_name_and_no_other_signature() -> None:
    room = Room()
    guarded = door().acts(Role.OPERATE, room.act)
    assert (guarded.__name__, guarded.__doc__) == ("act", "Act.")
    assert not hasattr(guarded, "__wrapped__")


def test_a_bucket_fills_as_time_passes_and_no_further() -> None:
    pace = Pace(60)
    assert {pace.wait("a", 0.0) for _ in range(60)} == {0.0}
    assert pace.wait("a", 0.25) == pytest.approx(0.75)
    assert pace.wait("b", 0.25) == 0.0
    assert pace.wait("a", 1.5) == 0.0
    assert {pace.wait("a", 9999.0) for _ in range(60)} == {0.0}
    assert pace.wait("a", 9999.0) > 0
    assert pace.wait("a", 5.0) > 0, "a clock that goes back gives nothing"


def test_the_buckets_have_an_end_and_the_longest_silent_is_forgotten() -> None:
    pace = Pace(1)
    pace.wait("first", 0.0)
    for number in range(MOST_CALLERS - 1):
        pace.wait(f"caller-{number}", 1.0)
    assert pace.wait("first", 1.0) > 0
    pace.wait("one more", 1.0)
    assert pace.wait("first", 1.0) > 0, "it has just been heard"
    assert pace.wait("caller-0", 1.0) == 0.0
