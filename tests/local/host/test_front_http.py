from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import monotonic

import httpx
import pytest

from local.clock import WallClock
from local.host.host import Host
from local.host.routes import BadRoute
from tests.local.host.front import running, wait_for


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running("shopfront", tmp_path_factory.mktemp("shop"), body_limit=1024) as (_, client):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/api/items", "list_items"),
        ("GET", "/api/Items/", "list_items"),
        ("POST", "/api/items", "add_item"),
        ("GET", "/api/items/7", "one_item"),
        ("DELETE", "/api/items/7", "one_item"),
        ("GET", "/api/items/newest", "newest"),
        ("GET", "/api/files/a/b", "file"),
        ("GET", "/api/unrouted", "unrouted"),
        ("PATCH", "/api/unrouted", "unrouted"),
    ],
)
def test_a_request_reaches_the_function_of_its_route(
    shop: httpx.Client, method: str, path: str, function: str
) -> None:
    answer = shop.request(method, path, json={} if method == "POST" else None)

    assert answer.status_code == 200
    assert answer.json()["function"] == function


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/items"),
        ("HEAD", "/api/items"),
        ("OPTIONS", "/api/items"),
        ("POST", "/api/items/7"),
        ("GET", "/api/items/seven"),
        ("GET", "/items"),
        ("GET", "/api"),
        ("GET", "/runtime/webhooks/other"),
        ("POST", "/"),
    ],
)
def test_what_no_function_takes_is_not_found(shop: httpx.Client, method: str, path: str) -> None:
    assert shop.request(method, path).status_code == 404


def test_a_function_sees_the_whole_request_and_its_answer_arrives_whole(
    shop: httpx.Client,
) -> None:
    answer = shop.put("/api/echo?a=1&b=two", content=b"\x00\xff", headers={"X-Send": "sent"})

    assert answer.status_code == 201
    assert answer.content == b"\x00\xff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-method"] == "PUT"
    assert answer.headers["x-url"] == f"{shop.base_url}/api/echo?a=1&b=two"
    assert answer.headers["x-saw"] == "sent"
    assert answer.headers["x-function"] == "echo"
    assert answer.headers["set-cookie"] == "crumb=1; Path=/"


def test_a_head_request_gets_the_headers_alone(shop: httpx.Client) -> None:
    answer = shop.head("/api/text")

    assert answer.status_code == 200
    assert answer.content == b""


def test_query_values_of_one_name_are_joined(shop: httpx.Client) -> None:
    answer = shop.get("/api/items?tag=a&tag=b&empty=&plus=1+1")

    assert answer.json()["query"] == {"tag": "a,b", "empty": "", "plus": "1 1"}


def test_a_text_answers_with_that_text(shop: httpx.Client) -> None:
    answer = shop.get("/api/text")

    assert (answer.status_code, answer.text) == (200, "only a text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("broken", "a secret that must not get out"), ("nothing", "not NoneType")],
)
def test_a_function_that_fails_answers_500_and_the_log_has_the_reason(
    shop: httpx.Client, caplog: pytest.LogCaptureFixture, path: str, reason: str
) -> None:
    with caplog.at_level(logging.ERROR, logger="local.host"):
        answer = shop.get(f"/api/{path}")

    assert (answer.status_code, answer.content) == (500, b"")
    assert reason in caplog.text


def test_a_body_above_the_limit_is_refused(shop: httpx.Client) -> None:
    assert shop.post("/api/echo", content=b"x" * 1024).status_code == 201
    assert shop.post("/api/echo", content=b"x" * 1025).status_code == 413

    def pieces() -> Iterator[bytes]:
        yield from [b"x" * 600] * 2

    assert shop.post("/api/echo", content=pieces()).status_code == 413


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_requests_are_answered_side_by_side(shop: httpx.Client, kind: str) -> None:
    began = monotonic()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(shop.get, [f"/api/pause/{kind}"] * 8))

    assert [answer.status_code for answer in answers] == [200] * 8
    assert monotonic() - began < 8 * 0.2


def test_an_answer_is_not_held_back(shop: httpx.Client) -> None:
    def took() -> float:
        began = monotonic()
        shop.get("/api/text")
        return monotonic() - began

    assert median(took() for _ in range(21)) < 0.03


@pytest.mark.parametrize(("status", "body"), [(200, b"a body"), (404, b"a body"), (204, b"")])
def test_the_status_of_the_function_is_the_status_of_the_answer(
    shop: httpx.Client, status: int, body: bytes
) -> None:
    answer = shop.get(f"/api/status/{status}")

    assert (answer.status_code, answer.content) == (status, body)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\0b"])
def test_a_header_holds_nothing_but_text(shop: httpx.Client, value: str) -> None:
    fine = shop.get("/api/header", params={"value": "plain"})
    odd = shop.get("/api/header", params={"value": value})

    assert fine.headers["x-given"] == "plain"
    assert odd.status_code == 500
    assert "x-evil" not in odd.headers


def test_a_request_in_hand_is_answered_before_the_host_stops(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads, running("shopfront", tmp_path) as (host, client):
        client.get("/api/text")
        answer = threads.submit(client.get, "/api/pause/async")
        wait_for(lambda: not host.idle())
        host.stop()
        assert answer.result().json() == {"function": "pause_async"}


@pytest.mark.parametrize(
    ("route", "prefix", "reason"),
    [
        ("admin/users", "", "function f: the route 'admin/users' is the host's own"),
        ("runtime", "", "the host's own"),
        ("a/{b:odd}", "api", "function f: route 'api/a/{b:odd}': no constraint 'odd'"),
    ],
)
def test_a_route_that_cannot_be_served_keeps_the_host_from_starting(
    tmp_path: Path, route: str, prefix: str, reason: str
) -> None:
    http = {"extensions": {"http": {"routePrefix": prefix}}}
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", **http}))
    (tmp_path / "function_app.py").write_text(
        "import azure.functions as func\napp = func.FunctionApp()\n"
        f"@app.route(route={route!r})\ndef f(req: func.HttpRequest) -> str:\n    return ''\n"
    )

    with pytest.raises(BadRoute, match=re.escape(reason)):
        Host(tmp_path, tmp_path / "host.db", WallClock()).start()


def test_the_prefix_of_routes_is_the_apps_choice(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(
        '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}'
    )
    source = Path(__file__).parent.parent / "apps" / "shopfront" / "function_app.py"
    (tmp_path / "function_app.py").write_text(source.read_text())

    with running(str(tmp_path), tmp_path) as (_, client):
        assert client.get("/text").text == "only a text"
        assert client.get("/api/text").status_code == 404


def test_the_host_says_what_it_runs(shop: httpx.Client) -> None:
    names = {function["name"] for function in shop.get("/admin/functions").json()}

    assert {"list_items", "echo"} <= names
    assert shop.get("/admin/host/status").json()["state"] == "Running"
    assert shop.get("/").status_code == 200


def test_a_setting_file_fills_in_what_the_environment_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    source = Path(__file__).parent.parent / "apps" / "shopfront"
    for file in source.glob("*.*"):
        (app / file.name).write_text(file.read_text())
    values = {"FROM_FILE": "file", "IN_BOTH": "file", "GIVEN": "file"}
    (app / "local.settings.json").write_text(json.dumps({"Values": values}))
    monkeypatch.setenv("IN_BOTH", "environment")
    monkeypatch.delenv("FROM_FILE", raising=False)

    with running(str(app), tmp_path, settings={"GIVEN": "given"}) as (_, client):
        seen = {name: client.get(f"/api/setting/{name}").json()["value"] for name in values}

    assert seen == {"FROM_FILE": "file", "IN_BOTH": "environment", "GIVEN": "given"}
