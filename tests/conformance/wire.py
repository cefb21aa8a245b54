"""Read the recorded wire data and the OpenAPI files that lie beside the repository."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

WIRE = Path(__file__).parents[3] / "shared" / "wire"
OPENAPI = WIRE / "openapi" / "specification"
SITE_RECOVERY = (
    "recoveryservicessiterecovery/resource-manager/Microsoft.RecoveryServices"
    "/stable/2024-04-01/service.json"
)
TRAFFIC_MANAGER = (
    "trafficmanager/resource-manager/Microsoft.Network/stable/2022-04-01/trafficmanager.json"
)


def need_wire() -> None:
    """Skip where the wire data is absent; fail instead on CI."""
    if WIRE.is_dir():
        return
    reason = f"no recorded wire data at {WIRE}: put the shared folder beside the repository"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def recording(name: str) -> dict[str, Any]:
    """Return one recording of Site Recovery."""
    need_wire()
    found: dict[str, Any] = json.loads((WIRE / "asr" / name).read_text(encoding="utf-8"))
    return found


def example(name: str) -> dict[str, Any]:
    """Return one example of the Traffic Manager OpenAPI."""
    need_wire()
    path = (OPENAPI / TRAFFIC_MANAGER).parent / "examples" / name
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def _document(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OPENAPI / path).read_text(encoding="utf-8"))
    return found


def _retrieve(uri: str) -> Resource[Any]:
    document = json.loads(Path(uri.removeprefix("file:")).resolve().read_text(encoding="utf-8"))
    definitions = {name: _nullable(schema) for name, schema in document["definitions"].items()}
    return Resource.from_contents({"definitions": definitions}, default_specification=DRAFT4)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Let null stand for every optional property: ARM sends nulls, OpenAPI 2 cannot say so."""
    found = dict(schema)
    required = found.get("required", ())
    found["properties"] = {
        name: _nullable(inner) if name in required else {"anyOf": [_nullable(inner), _NULL]}
        for name, inner in schema.get("properties", {}).items()
    }
    if isinstance(schema.get("items"), dict):
        found["items"] = _nullable(schema["items"])
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    return found


_NULL = {"type": "null"}


def problems(document: str, definition: str, body: Any) -> list[str]:
    """Return what a body violates of a definition."""
    need_wire()
    base = (OPENAPI / document).resolve()
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # attrs field
    schema = {"$ref": f"file:{base}#/definitions/{definition}"}
    validator = Draft4Validator(schema, registry=registry)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def known_fields(document: str, definition: str) -> set[str]:
    """Return every property of a definition, inherited ones included."""
    need_wire()
    found = _document(document)["definitions"][definition]
    names = set(found.get("properties", {}))
    for parent in found.get("allOf", ()):
        reference = parent.get("$ref", "")
        if reference.startswith("#/definitions/"):
            names |= known_fields(document, reference.rpartition("/")[2])
    return names
