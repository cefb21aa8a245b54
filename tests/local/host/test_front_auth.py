from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.host.front import running

Locked = tuple[httpx.Client, dict[str, Any]]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    with running("shopfront", tmp_path_factory.mktemp("locked"), auth=True) as (host, client):
        yield client, json.loads(host.keys_file.read_text())


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/items", None, 200),
        ("/api/items/7", None, 401),
        ("/api/items/7", "wrong", 401),
        ("/api/items/7", "own", 200),
        ("/api/items/7", "of another function", 401),
        ("/api/items/7", "host", 200),
        ("/api/items/7", "master", 200),
        ("/api/items/7", "system", 401),
        ("/api/secrets", "host", 401),
        ("/api/secrets", "own", 401),
        ("/api/secrets", "master", 200),
        ("/admin/functions", None, 401),
        ("/admin/functions", "host", 401),
        ("/admin/functions", "master", 200),
        ("/runtime/webhooks/durabletask/instances", None, 401),
        ("/runtime/webhooks/durabletask/instances/x", "host", 401),
        ("/runtime/webhooks/durabletask/instances/x", "system", 404),
        ("/runtime/webhooks/durabletask/instances/x", "master", 404),
        ("/runtime/webhooks/EventGrid?functionName=x", None, 401),
        ("/runtime/webhooks/EventGrid?functionName=x", "event grid", 404),
        ("/runtime/webhooks/EventGrid?functionName=x", "system", 401),
        ("/durabletask/instances/x", None, 404),
    ],
)
def test_a_key_opens_what_its_kind_may(
    locked: Locked, path: str, key: str | None, status: int
) -> None:
    client, keys = locked
    presented = {
        None: None,
        "wrong": "wrong",
        "own": keys["functions"]["secrets" if "secrets" in path else "one_item"]["default"],
        "of another function": keys["functions"]["newest"]["default"],
        "host": keys["host"]["default"],
        "master": keys["master"],
        "system": keys["system"]["durabletask_extension"],
        "event grid": keys["system"]["eventgrid_extension"],
    }[key]

    header = client.get(path, headers={"x-functions-key": presented} if presented else {})
    query = client.get(httpx.URL(path).copy_merge_params({"code": presented or ""}))

    assert (header.status_code, query.status_code) == (status, status)


def test_keys_stay_the_same_when_the_host_comes_back(tmp_path: Path) -> None:
    with running("shopfront", tmp_path, auth=True) as (host, _):
        before = host.keys_file.read_text()
        mode = host.keys_file.stat().st_mode & 0o777
    with running("shopfront", tmp_path, auth=True) as (host, _):
        assert host.keys_file.read_text() == before
    assert mode == 0o600


def test_without_auth_no_key_is_asked_for_and_none_is_made(tmp_path: Path) -> None:
    with running("shopfront", tmp_path) as (host, client):
        assert client.get("/api/secrets").status_code == 200
        assert not host.keys_file.exists()


def test_the_addresses_an_app_gives_away_carry_the_system_key(tmp_path: Path) -> None:
    with running("http_starter", tmp_path, auth=True) as (host, client):
        key = json.loads(host.keys_file.read_text())["system"]["durabletask_extension"]

        links = client.post("/api/start/greet?id=g1", json="Ada").json()
        host.settle()

        for name in set(links) - {"id"}:
            assert links[name].endswith(f"&code={key}"), name
        assert client.get(links["statusQueryGetUri"]).json()["output"] == "Hello, Ada!"
        assert client.get(links["statusQueryGetUri"].partition("&code")[0]).status_code == 401
