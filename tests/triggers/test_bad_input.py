"""Whatever is sent to any route: an answer of 4xx in one shape, at once, that gives nothing away; nothing changes."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from posixpath import normpath
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.caller import Role
from tests.journeys.callers import ALICE
from tests.triggers.conftest import Doors
from tests.triggers.routes import Route, registered
from tests.triggers.test_roles import GUARDED
from triggers.web import BODY_LIMIT_BYTES

ROUTES = registered()
WITH_BODY = [route for route in GUARDED if route.method == "POST"]
WITH_PARTS = [(route, part) for route in GUARDED for part in route.parts()]
EVERY_ROLE = [role.value for role in Role]
OTHER = "9d0b6d1e-0000-4000-8000-0a1c2f3e4d5b"
# Generous, because machines are slow and shared: what it is there against takes minutes.
AT_ONCE_SECONDS = 10.0
INTERNALS = ("Traceback", 'File "', ".py", "site-packages", "azure.durable", "pydantic", "sqlite")


@contextmanager
def nothing_happens(doors: Doors) -> Iterator[None]:
    """Hold what the engine and Azure know before and after; they must agree."""
    before = _state(doors)
    yield
    assert _state(doors) == before


def _state(doors: Doors) -> Any:
    world = doors.world
    world.host.settle()
    instances = world.host.engine.query(limit=10_000)[0]
    entities = world.host.engine.entities()
    return (
        world.accepted(),
        sorted((one.instance_id, one.runtime_status) for one in instances),
        {(name, key): world.host.engine.entity_state(name, key) for name, key, _ in entities},
    )


def refused(answer: httpx.Response, *statuses: int) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert not statuses or answer.status_code in statuses, (answer.status_code, answer.text)
    assert answer.elapsed.total_seconds() < AT_ONCE_SECONDS
    assert len(answer.content) < 2000
    assert not [word for word in INTERNALS if word in answer.text], answer.text
    if answer.content:  # the platform's own answers, before any of our code, are empty
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def allowed(doors: Doors) -> dict[str, str]:
    """Return the headers of somebody who may do everything."""
    token = doors.world.azure.directory.token(ALICE, roles=EVERY_ROLE)
    return {"Authorization": f"Bearer {token}"}


# -- who calls -----------------------------------------------------------------------------


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def foreign_key() -> rsa.RSAPrivateKey:
    """Make a key that no tenant knows."""
    return rsa.generate_private_key(65537, 2048)


def bad_tokens(doors: Doors, foreign: rsa.RSAPrivateKey) -> dict[str, str]:
    directory = doors.world.azure.directory
    now = int(time.time())
    good = directory.token(ALICE, roles=EVERY_ROLE)
    header = jwt.get_unverified_header(good)
    claims = jwt.decode(good, options={"verify_signature": False})
    shown = foreign.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    by_secret = jwt.api_jws.PyJWS().encode(
        json.dumps(claims).encode(), base64.b64encode(shown), "HS256", {"kid": header["kid"]}
    )
    return {
        "no token": "let me in",
        "too long": "x" * 17_000,
        "expired": directory.token(ALICE, roles=EVERY_ROLE, exp=now - 3600),
        "of tomorrow": directory.token(ALICE, roles=EVERY_ROLE, nbf=now + 86_400),
        "another audience": directory.token(ALICE, roles=EVERY_ROLE, aud=OTHER),
        "another tenant": directory.token(ALICE, roles=EVERY_ROLE, tid=OTHER),
        "another issuer": directory.token(ALICE, roles=EVERY_ROLE, iss=f"https://x/{OTHER}/v2.0"),
        "nobody": directory.token(ALICE, roles=EVERY_ROLE, oid=None),
        "a foreign key": jwt.encode(claims, foreign, "RS256", header),
        "a key path": jwt.encode(claims, foreign, "RS256", {"kid": "../../dev/null"}),
        "a key of its own": jwt.encode(claims, foreign, "RS256", {"jku": "https://x/keys"}),
        "alg none": f"{part({**header, 'alg': 'none'})}.{good.split('.')[1]}.",
        "the public key as secret": by_secret,
        "two tokens": f"{good},Bearer {good}",
    }


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_a_bad_token_opens_nothing(
    doors: Doors, route: Route, foreign_key: rsa.RSAPrivateKey
) -> None:
    path = route.path(plan=doors.plan)
    with nothing_happens(doors):
        for token in bad_tokens(doors, foreign_key).values():
            headers = {"Authorization": f"Bearer {token}"}
            refused(doors.http.request(route.method, path, headers=headers), 401)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_no_header_stands_in_for_a_token(doors: Doors, route: Route) -> None:
    principal = base64.b64encode(json.dumps({"userRoles": EVERY_ROLE}).encode()).decode()
    forged = {
        "X-MS-CLIENT-PRINCIPAL": principal,
        "X-MS-CLIENT-PRINCIPAL-NAME": ALICE,
        "X-MS-CLIENT-PRINCIPAL-ID": OTHER,
        "X-MS-TOKEN-AAD-ACCESS-TOKEN": doors.world.azure.directory.token(ALICE),
        "X-Forwarded-Host": "leeward.example",
        "X-HTTP-Method-Override": "GET",
        "Cookie": "AppServiceAuthSession=x",
    }
    path = route.path(plan=doors.plan)
    with nothing_happens(doors):
        refused(doors.http.request(route.method, path, headers=forged, auth=None), 401)
        query = {"access_token": doors.world.azure.directory.token(ALICE)}
        refused(doors.http.request(route.method, path, params=query, auth=None), 401)


# -- what is sent --------------------------------------------------------------------------

JSON = "application/json"
BODIES: dict[str, tuple[bytes, str, int]] = {
    "blanks": (b"\r\n \t\r\n", JSON, 400),
    "blanks by another type": (b"  ", "text/plain", 415),
    "null": (b"null", JSON, 400),
    "a list": (b"[]", JSON, 400),
    "a text": (b'"text"', JSON, 400),
    "a number": (b"7", JSON, 400),
    "cut off": (b'{"reason": "x', JSON, 400),
    "not JSON": (b"reason=x", JSON, 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON, 400),
    "UTF-16": ("{}".encode("utf-16"), JSON, 400),
    "invalid UTF-8": (b'{"reason": "\xff\xfe"}', JSON, 400),
    "half a character": (b'{"reason": "\\ud800"}', JSON, 400),
    "gzip": (gzip.compress(b"{}"), JSON, 400),
    "NaN": (b'{"reason": NaN}', JSON, 400),
    "infinity": (b'{"reason": Infinity}', JSON, 400),
    "1e400": (b'{"reason": 1e400}', JSON, 400),
    "5,000 digits": (b'{"reason": ' + b"9" * 5000 + b"}", JSON, 400),
    "a key twice": (b'{"reason": "a", "reason": "b"}', JSON, 400),
    "a deep list": (b"[" * 100_000, JSON, 400),
    "deep objects": (b'{"reason":' * 100_000, JSON, 400),
    "deep but whole": (b'{"reason":' * 50 + b"1" + b"}" * 50, JSON, 400),
    "one byte too many": (b"{}" + b" " * (BODY_LIMIT_BYTES - 1), JSON, 413),
    "a form": (b"reason=x", "application/x-www-form-urlencoded", 415),
    "YAML": (b"reason: x", "application/yaml", 415),
    "a text by type": (b"{}", "text/plain", 415),
    "another charset": (b"{}", "application/json; charset=utf-16", 415),
    "XML": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "text/xml", 415),
}


def whole_path(doors: Doors, route: Route) -> str:
    """Return a path that leads somewhere, so that the body is looked at."""
    run = "none"
    if "id" in route.parts():
        run = doors.started()
        doors.world.until_asked(run)
    return route.path(plan=doors.plan, id=run)


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_a_bad_body_is_refused_and_changes_nothing(doors: Doors, route: Route) -> None:
    path = whole_path(doors, route)
    headers = allowed(doors)
    with nothing_happens(doors):
        for name, (body, kind, status) in BODIES.items():
            sent = {**headers, "Content-Type": kind}
            answer = doors.http.post(path, content=body, headers=sent)
            assert answer.status_code == status, (name, answer.status_code, answer.text)
            refused(answer)
        packed = {**headers, "Content-Type": JSON, "Content-Encoding": "gzip"}
        bomb = gzip.compress(b" " * 5_000_000)
        refused(doors.http.post(path, content=bomb, headers=packed), 415)
        pieces = (b" " * 100_000 for _ in range(11))
        refused(doors.http.post(path, content=pieces, headers=headers), 413)


@pytest.mark.parametrize(
    "body",
    [
        {"__class__": "X", "__module__": "os", "__data__": {}},
        {"__proto__": {"admin": True}},
        {"$ref": "#/definitions/x"},
        {"reason": {"$ne": ""}},
        {"verb": ["pause"]},
        {"gate": 7, "verdict": "approve", "digest": None},
        {"by": "bob", "requestedBy": "bob"},
        {"k" * 500_000: 1},
        dict.fromkeys(map(str, range(9000)), 1),
    ],
    ids=lambda body: json.dumps(body)[:40],
)
@pytest.mark.parametrize(
    "route", [route for route in WITH_BODY if route.template != "alerts"], ids=str
)
def test_an_object_that_was_not_asked_for_is_refused(
    doors: Doors, route: Route, body: dict[str, Any]
) -> None:
    path = route.path(plan=doors.plan)
    with nothing_happens(doors):
        refused(doors.http.post(path, json=body, headers=allowed(doors)))


# -- where it is sent ----------------------------------------------------------------------

PARTS = [
    "..",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e%2f",
    "..%5C..%5Cwindows",
    "a%2Fterminate",
    "a%3Freason=x",
    "a%23x",
    "a;b",
    "a%00b",
    "a%0D%0AX-Injected:1",
    "@lock@shop",
    "%2A",
    "%252e%252e",
    "shop%E2%80%AEyaml",
    "sh%D0%BEp",
    "shop.",
    "shop%20",
    "SHOP%FF",
    "a" * 10_000,
    "%7B%7B7*7%7D%7D",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "'%20OR%201=1--",
]


@pytest.mark.parametrize(("route", "name"), WITH_PARTS, ids=lambda value: str(value))
def test_a_part_of_a_path_is_a_name_and_nothing_else(doors: Doors, route: Route, name: str) -> None:
    headers = allowed(doors)
    templates = {other.template for other in ROUTES}
    with nothing_happens(doors):
        for value in PARTS:
            path = route.path(**{"plan": doors.plan, name: value})
            if normpath(path.removeprefix("/api/")) in templates:
                continue  # the .. is resolved on the way: it is another route, which is tried by itself
            answer = doors.http.request(route.method, path, headers=headers)
            refused(answer)
            assert "X-Injected" not in answer.headers


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_another_method_does_nothing(doors: Doors, route: Route) -> None:
    there = {other.method for other in ROUTES if other.template == route.template}
    path = route.path(plan=doors.plan)
    with nothing_happens(doors):
        for method in {
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "TRACE",
            "X",
        } - there:
            answer = doors.http.request(method, path, headers=allowed(doors))
            refused(answer, 404, 405)


@pytest.mark.parametrize("route", [route for route in GUARDED if route.method == "GET"], ids=str)
def test_a_query_may_say_anything(doors: Doors, route: Route) -> None:
    headers = allowed(doors)
    names = ("format", "kind", "limit", "state", "plan", "after", "code", "unheard-of")
    with nothing_happens(doors):
        for name in names:
            for value in ("", "../\0\u202e\r\nb: c" + "9" * 5000):
                answer = doors.http.get(
                    route.path(plan=doors.plan), params={name: value}, headers=headers
                )
                assert answer.status_code < 500, (name, value, answer.text)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_a_header_may_hold_anything(doors: Doors, route: Route) -> None:
    odd = {
        "traceparent": "00-" + "z" * 500,
        "tracestate": "=" * 500,
        "X-Forwarded-For": ", , ' OR 1=1 --",
        "X-Correlation-Id": "<script>",
        "Content-Type": "nonsense;;;=",
        "Accept": "../*",
    }
    path = route.path(plan="nowhere", id="nowhere")
    with nothing_happens(doors):
        headers = {**allowed(doors), **odd}
        answer = doors.http.request(route.method, path, headers=headers)
        assert answer.status_code < 500, answer.text
        assert "<script>" not in answer.text
        refused(doors.http.request(route.method, path, headers=headers, content=b"{}"), 415)
