"""The API's document: every route that is registered and no other, as the door and the models have it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from domain.caller import Role
from tests.contract import Broken, Contract, contract
from tests.triggers.conftest import Doors
from tests.triggers.routes import NOBODY, ROOT, registered
from tests.triggers.test_roles import NEEDED, OPEN
from triggers.door import Door
from triggers.openapi import ApiRoutes, Undocumented
from triggers.operation import operation
from triggers.pace import Pace
from triggers.web import answer

DOCUMENT: dict[str, Any] = contract().document
OPERATIONS = [
    (method.upper(), path.removeprefix("/api/"), told)
    for path, methods in DOCUMENT["paths"].items()
    for method, told in methods.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_every_registered_route_is_told_of_and_no_other() -> None:
    told = {(method, path) for method, path, _ in OPERATIONS}
    assert told == {(route.method, route.template) for route in registered()}
    assert len(told) >= 24


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_document_is_served_to_readers_alone(doors: Doors) -> None:
    assert doors.http.get("/api/openapi.json").json() == DOCUMENT
    assert doors.http.get("/api/openapi.json", auth=None).status_code == 401
    told = json.dumps(DOCUMENT)
    assert not [word for word in (str(ROOT), "127.0.0.1", NOBODY) if word in told]


@pytest.mark.parametrize(("method", "path", "told"), OPERATIONS, ids=IDS)
def test_an_operation_names_its_role_its_parts_and_what_it_refuses(
    method: str, path: str, told: dict[str, Any]
) -> None:
    (needed,) = told["security"]
    role = (
        None if path in OPEN else NEEDED.get(path, Role.READ if method == "GET" else Role.OPERATE)
    )
    assert needed.get("entra") == ([role.value] if role else None)
    assert needed.keys() <= DOCUMENT["components"]["securitySchemes"].keys()
    assert len(needed) > 1 or path.startswith("approval/")
    assert told["summary"].strip().endswith(".") or told["description"], "no sentence about it"
    parts = [p["name"] for p in told["parameters"] if p["in"] == "path"]
    assert parts == [part[1:-1] for part in path.split("/") if part.startswith("{")]
    answers = set(told["responses"])
    assert {"413", "429", "503"} <= answers
    assert ({"401", "403", "415"} <= answers) or role is None
    assert ("400" in answers) >= ("requestBody" in told)
    assert any(status.startswith("2") for status in answers)
    for status, response in told["responses"].items():
        assert response["description"]
        problem = "application/problem+json" in response["content"]
        assert problem == (not status.startswith("2"))


def test_an_answer_has_no_defaults_that_a_client_might_believe() -> None:
    shown = DOCUMENT["components"]["schemas"]["RunShown"]
    assert "outcome" in shown["properties"].keys() - set(shown["required"])
    assert '"default": "COMPLETED"' not in json.dumps(DOCUMENT)
    assert "default" not in json.dumps(shown)
    asked = DOCUMENT["components"]["schemas"]["RunAsked"]["properties"]
    assert asked["reason"]["default"] == "asked for over HTTP"


def test_every_model_that_is_told_of_is_used() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    told = json.dumps(DOCUMENT)
    assert [name for name in schemas if f'"#/components/schemas/{name}"' not in told] == []


# -- what the app's own code must say --------------------------------------------------------


class Told(BaseModel):
    """What is told."""

    told: str


@operation({HTTPStatus.OK: Told})
async def talk(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Talk."""
    return answer(Told(told="it"))


async def mumble(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Mumble."""
    return answer({})


class Nobody:
    """Knows nobody."""

    def verify(self, token: str) -> Any:
        raise AssertionError(token)


DOOR = Door(Nobody(), Pace(1), "active")


def routes() -> ApiRoutes:
    return ApiRoutes(df.DFApp())


def test_a_route_and_its_model_are_told_of_by_being_registered() -> None:
    made = routes()
    made.add("GET", "plans/{plan}/talk", DOOR.shows(talk))
    told = made.document()["paths"]["/api/plans/{plan}/talk"]["get"]
    assert (told["operationId"], told["summary"]) == ("talk", "Talk.")
    assert told["security"] == [{"entra": ["Leeward.Read"], "functionKey": []}]
    assert told["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Told"
    }
    (function,) = made.app.get_functions()
    assert getattr(function.get_trigger(), "route", None) == "plans/{plan}/talk"


def test_a_handler_that_does_not_say_what_it_answers_is_named() -> None:
    made = routes()
    made.add("GET", "mumble", DOOR.shows(mumble))
    with pytest.raises(Undocumented, match=r"GET mumble: mumble .* give it @operation"):
        made.document()


def test_a_part_of_a_path_that_nobody_describes_is_named() -> None:
    made = routes()
    made.add("GET", "rooms/{room}", DOOR.shows(talk))
    with pytest.raises(Undocumented, match="'room'"):
        made.document()


def test_nothing_is_registered_around_the_door() -> None:
    with pytest.raises(Undocumented, match="no door guards mumble"):
        routes().add("GET", "mumble", mumble)


# -- the oracle that every other test's answers are held against ------------------------------


EMPTY: dict[str, Any] = {"findings": [], "next": None}


def heard(
    status: int, body: object, kind: str = "application/json", path: str = "/api/findings"
) -> httpx.Response:
    return httpx.Response(
        status,
        content=json.dumps(body),
        headers={"content-type": kind},
        request=httpx.Request("GET", f"http://x{path}"),
    )


def test_an_answer_that_is_told_of_holds() -> None:
    contract().hold(heard(200, EMPTY))
    contract().hold(heard(418, {}, path="/api/nowhere/else"))


@pytest.mark.parametrize(
    "answered",
    [
        heard(201, EMPTY),
        heard(404, EMPTY),
        heard(200, EMPTY, "text/html"),
        heard(200, {**EMPTY, "findings": [{}]}),
        heard(200, {**EMPTY, "more": 1}),
        heard(503, {"type": "about:blank"}, "application/problem+json"),
        heard(200, {"runs": [], "next": 5}, path="/api/runs"),
    ],
    ids=repr,
)
def test_an_answer_that_is_not_told_of_does_not(answered: httpx.Response) -> None:
    with pytest.raises(Broken):
        contract().hold(answered)


def test_a_literal_part_of_a_path_wins_over_a_free_one() -> None:
    oracle = Contract(DOCUMENT)
    assert oracle.template("POST", "/api/plans/check") == "/api/plans/check"
    assert oracle.template("POST", "/api/plans/shop/push") == "/api/plans/{plan}/push"
    assert oracle.template("POST", "/api/plans/shop/drill") == "/api/plans/{plan}/{verb}"
    assert oracle.template("DELETE", "/api/plans/shop") is None


@pytest.mark.parametrize(
    "model",
    [name for name, schema in DOCUMENT["components"]["schemas"].items() if "examples" in schema],
)
def test_an_example_is_one(model: str) -> None:
    schema = {"$ref": f"#/components/schemas/{model}", "components": DOCUMENT["components"]}
    checker = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for shown in DOCUMENT["components"]["schemas"][model]["examples"]:
        assert [error.message for error in checker.iter_errors(shown)] == []


def test_every_body_of_ones_own_has_an_example() -> None:
    bodies = {
        told["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, path, told in OPERATIONS
        if "requestBody" in told and not path.startswith("chat/")
    }
    schemas = DOCUMENT["components"]["schemas"]
    assert [name for name in bodies if "examples" not in schemas[name]] == ["PushAsked"]
