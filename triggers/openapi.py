"""The API's document (OpenAPI 3.1): made of the routes that are registered, the roles at the door, and the models."""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel
from pydantic.alias_generators import to_pascal
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from domain.caller import Role
from domain.run import VERSION
from triggers.answers import ApiDocument, Problem
from triggers.api import RUN_ID, VERBS
from triggers.door import guard_of
from triggers.operation import JSON, Operation, operation
from triggers.web import BODY_LIMIT_BYTES, DEEPEST

PROBLEM = "application/problem+json"
SCHEMAS = "#/components/schemas/{model}"
Json = dict[str, Any]
Mode = Literal["validation", "serialization"]

ABOUT = f"""\
Start, watch, decide and prove recoveries of applications on Azure.

Send an access token of your tenant for Leeward's app registration; the scope beside an operation is the app role that
it needs, and no role includes another. Where the app runs on Azure, a function key goes along, as `x-functions-key` or
as the query's `code`.

Times are UTC in ISO 8601, durations are seconds, unless a key says otherwise. Bodies are JSON objects in UTF-8 of at
most {BODY_LIMIT_BYTES} bytes and {DEEPEST} levels; a key that is not read, or is there twice, is refused. What goes
wrong is told as `application/problem+json`, and `detail` names the mend. After 429 and 503 wait as `Retry-After` says.
"""
# What a part of a path may be; a part that is not here has no business in a route.
PARTS: dict[str, Json] = {
    "plan": {
        "description": "A plan's name, as its file has it.",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"},
        "example": "shop",
    },
    "verb": {
        "description": "What the plan is asked for.",
        "schema": {"type": "string", "enum": list(VERBS)},
        "example": "failover",
    },
    "id": {
        "description": "A run's id, as the answer that began it has it.",
        "schema": {"type": "string", "pattern": f"^{RUN_ID.pattern}$"},
        "example": "failover-shop-20261128-020000-1a2b",
    },
    "region": {
        "description": "An Azure region that a plan protects, by its short name.",
        "schema": {"type": "string", "pattern": "^[a-z0-9]{1,40}$"},
        "example": "eastus",
    },
}
REFUSALS = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read, or asks for what is not there to be asked for.",
    HTTPStatus.UNAUTHORIZED: "Nobody knows who calls: the token or signature is missing, or no longer good.",
    HTTPStatus.FORBIDDEN: "The caller has not got the role; apps cannot approve.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "It cannot be had now: `holder` has the application, or the word comes too late or twice.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"The body has more than {BODY_LIMIT_BYTES} bytes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is of another type than the one that is read.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "It was understood, and cannot be done: of a plan, `mistakes` has the lines.",
    HTTPStatus.TOO_MANY_REQUESTS: "The caller sends too many requests.",
    HTTPStatus.BAD_GATEWAY: "Azure refuses what the answer needs.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It cannot be done now; `number`, where it is given, leads to the log.",
}
WAITS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
SCHEMES: Json = {
    "entra": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of Entra ID for Leeward's app registration, with the app role.",
    },
    "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "slackSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Slack-Signature",
        "description": "v0=, and the HMAC-SHA256 of v0:timestamp:body in hex; each is taken once.",
    },
    "slackTimestamp": {"type": "apiKey", "in": "header", "name": "X-Slack-Request-Timestamp"},
    "teamsSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "HMAC, and the HMAC-SHA256 of the body in base64.",
    },
}


class Undocumented(Exception):
    """A route does not say of itself what a document needs."""


@dataclass(frozen=True, slots=True)
class Route:
    """One registered route with what its handler and the door say of it."""

    method: str
    template: str
    name: str
    about: str
    role: Role | None
    operation: Operation | None

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(slots=True)
class ApiRoutes:
    """Registers the app's HTTP routes, each behind the door, and tells of them."""

    app: df.DFApp
    routes: list[Route] = field(default_factory=list)
    _text: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, method: str, template: str, guarded: Callable[..., Any]) -> None:
        """Register a route; its handler is one that the door has guarded."""
        guard = guard_of(guarded)
        if guard is None:
            raise Undocumented(f"{method} {template}: no door guards {guarded.__name__}")
        self.routes.append(
            Route(
                method=method,
                template=template,
                name=guarded.__name__,
                about=inspect.getdoc(guarded) or "",
                role=guard.role,
                operation=guard.operation,
            )
        )
        if "client" in inspect.signature(guarded).parameters:
            guarded = self.app.durable_client_input(client_name="client")(guarded)
        self.app.route(route=template, methods=[method])(guarded)

    @operation({HTTPStatus.OK: ApiDocument})
    def show_api(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return this document: what can be asked for, by whom, and what the answers are.

        It follows from the routes and models of the app that answers, whatever its version.
        """
        with self._lock:  # made at the first request, so that no cold start waits for it
            if not self._text:
                self._text = json.dumps(self.document(), ensure_ascii=False)
        return func.HttpResponse(self._text, mimetype=JSON)

    def document(self) -> Json:
        """Return the OpenAPI document; raises Undocumented with the route that does not tell of itself."""
        models = _Models([route.operation for route in self.routes if route.operation])
        paths: Json = {}
        for route in self.routes:
            told = _operation(route, models)
            paths.setdefault(f"/api/{route.template}", {})[route.method.lower()] = told
        return {
            "openapi": "3.1.0",
            "info": {"title": "Leeward", "version": VERSION, "description": ABOUT},
            "servers": [{"url": "/", "description": "The app that this document comes from."}],
            "paths": paths,
            "components": {"schemas": models.schemas, "securitySchemes": SCHEMES},
        }


def _operation(route: Route, models: _Models) -> Json:
    told = route.operation
    if told is None:
        raise Undocumented(
            f"{route}: {route.name} does not say what it answers; give it @operation"
        )
    first, _, rest = route.about.partition("\n")
    parts = [part[1:-1] for part in route.template.split("/") if part.startswith("{")]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise Undocumented(f"{route}: say in PARTS what {unknown[0]!r} may be")
    made: Json = {
        "operationId": route.name,
        "summary": first,
        "description": rest.strip() or first,
        "parameters": [
            *({"name": part, "in": "path", "required": True, **PARTS[part]} for part in parts),
            *(models.parameters(told.query) if told.query else ()),
        ],
        "responses": _answers(told, models) | _refusals(route, told),
        "security": _security(route, told),
    }
    if told.body:
        made["requestBody"] = {
            "required": told.body_needed,
            "content": {told.body_type: {"schema": models.taken(told.body)}},
        }
    return made


def _answers(told: Operation, models: _Models) -> Json:
    made: Json = {}
    for status, kinds in told.answers.items():
        about = {
            model.__doc__.partition("\n")[0] for model in kinds.values() if model and model.__doc__
        }
        made[str(status.value)] = {
            "description": " ".join(sorted(about)) or status.phrase,
            "content": {
                kind: {"schema": models.given(model) if model else {"type": "string"}}
                for kind, model in kinds.items()
            },
        }
        if any(model and "href" in model.model_fields for model in kinds.values()) and (
            status is HTTPStatus.ACCEPTED
        ):
            made[str(status.value)]["headers"] = {
                "Location": {"description": "Where to look at it.", "schema": {"type": "string"}}
            }
    return made


def _refusals(route: Route, told: Operation) -> Json:
    """Return the problems of an operation: the handler's own, and those that the door knows of."""
    made: Json = {}
    for status in sorted({*told.refuses, *door_refuses(route)}):
        made[str(status.value)] = {
            "description": REFUSALS[status],
            "content": {PROBLEM: {"schema": {"$ref": SCHEMAS.format(model="Problem")}}},
        }
        if status in WAITS:
            made[str(status.value)]["headers"] = {
                "Retry-After": {
                    "description": "How long to wait, in seconds.",
                    "schema": {"type": "integer", "minimum": 1},
                }
            }
    return made


def door_refuses(route: Route) -> Iterator[HTTPStatus]:
    """Yield the problems that the door itself answers with on a route."""
    yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    yield HTTPStatus.SERVICE_UNAVAILABLE
    yield HTTPStatus.TOO_MANY_REQUESTS
    if route.role:
        yield HTTPStatus.UNAUTHORIZED
        yield HTTPStatus.FORBIDDEN
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if route.operation and route.operation.body:
        yield HTTPStatus.BAD_REQUEST


def _security(route: Route, told: Operation) -> list[Json]:
    proofs: Json = {"entra": [route.role.value]} if route.role else {}
    return [{**proofs, **{proof: [] for proof in told.proofs}, "functionKey": []}]


class _AsWritten(GenerateJsonSchema):
    """Describes what goes out by its fields: how a model leaves some of them out is not told."""

    def ser_schema(self, schema: Any) -> Json | None:
        """Return no other schema than the model's own where the whole of it is only left shorter."""
        return None if schema["type"] == "function-wrap" else super().ser_schema(schema)

    def default_schema(self, schema: Any) -> Json:
        """Tell of defaults in what comes in alone: a key that an answer leaves out stands for nothing."""
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out the titles of fields, which say their names once more."""
        return False


class _Models:
    """The JSON schemas of all models that operations take and answer with."""

    def __init__(self, told: Sequence[Operation]) -> None:
        taken = [model for one in told for model in (one.body, one.query) if model]
        given = [
            model
            for one in told
            for kinds in one.answers.values()
            for model in kinds.values()
            if model
        ]
        wanted: dict[tuple[type[BaseModel], Mode], None] = {}
        wanted |= {(model, "validation"): None for model in taken}
        wanted[Problem, "serialization"] = None
        wanted |= {(model, "serialization"): None for model in given}
        refs, made = models_json_schema(
            list(wanted), by_alias=True, ref_template=SCHEMAS, schema_generator=_AsWritten
        )
        self._refs = {key: _well_named(ref) for key, ref in refs.items()}
        self._all: Json = _well_named(made["$defs"])
        queries = {_name(self.taken(one.query)) for one in told if one.query}
        self.schemas = {name: schema for name, schema in self._all.items() if name not in queries}

    def taken(self, model: type[BaseModel]) -> Json:
        """Return the schema of what comes in."""
        return self._refs[model, "validation"]

    def given(self, model: type[BaseModel]) -> Json:
        """Return the schema of what goes out."""
        return self._refs[model, "serialization"]

    def parameters(self, query: type[BaseModel]) -> Iterator[Json]:
        """Yield the query's parameters, one for each field of its model; one that is left out is not null."""
        for name, schema in self._all[_name(self.taken(query))]["properties"].items():
            kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
            told = {**schema, **kinds[0]} if kinds else schema
            unsaid = {"anyOf", "description", "title"} | ({"default"} if kinds else set())
            yield {
                "name": name,
                "in": "query",
                "required": False,
                "description": schema["description"],
                "schema": {key: value for key, value in told.items() if key not in unsaid},
            }


def _name(ref: Json) -> str:
    return str(ref["$ref"].rpartition("/")[2])


def _well_named(schemas: Json) -> Json:
    """Return the schemas with names for people: of two models of one name each is told by its module, too."""
    text = re.sub(
        r"domain__(\w+?)__(\w+)", lambda found: to_pascal(found[1]) + found[2], json.dumps(schemas)
    )
    made: Json = json.loads(text)
    return made
