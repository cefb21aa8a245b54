"""The API's document as an oracle: whether an answer is one that the document tells of."""

from __future__ import annotations

import json
import os
import re
import runpy
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from tests.triggers.routes import ROOT, SETTINGS

Json = dict[str, Any]


class Broken(AssertionError):
    """An answer is not one that the document tells of."""


class Contract:
    """Holds answers against the document; each schema is compiled once."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._paths: list[tuple[re.Pattern[str], str]] = [
            (_pattern(path), path) for path in sorted(document["paths"], key=_rank)
        ]
        self._validators: dict[tuple[str, str, str, str], Any] = {}

    def template(self, method: str, path: str) -> str | None:
        """Return which path of the document a request goes to, None where it is none of them."""
        for pattern, template in self._paths:
            if method.lower() in self.document["paths"][template] and pattern.fullmatch(path):
                return template
        return None

    def objection(
        self, method: str, template: str, status: int, headers: Any, content: bytes
    ) -> str | None:
        """Return what the document does not know of an answer, None where it knows it all."""
        told = self.document["paths"][template][method.lower()]["responses"].get(str(status))
        if told is None:
            return f"{method} {template} answers {status}, which the document does not tell of"
        for name, header in told.get("headers", {}).items():
            value = headers.get(name.lower())
            if value is None or (header["schema"]["type"] == "integer" and not value.isdecimal()):
                return f"{method} {template} {status}: the header {name} is {value!r}"
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if kind not in told["content"]:
            return (
                f"{method} {template} {status} is {kind!r}, not one of {', '.join(told['content'])}"
            )
        if not kind.endswith("json"):
            return None
        validator = self._validator(template, method.lower(), str(status), kind)
        first = next(iter(validator.iter_errors(json.loads(content))), None)
        if first is None:
            return None
        return f"{method} {template} {status}: {first.message} at {first.instance_path}"

    def hold(self, answer: httpx.Response) -> None:
        """Raise Broken for an answer that the document does not know; answers of the platform itself are empty."""
        request = answer.request
        template = self.template(request.method, request.url.raw_path.decode().partition("?")[0])
        answer.read()
        if template is None or (answer.status_code == 404 and not answer.content):
            return
        objection = self.objection(
            request.method, template, answer.status_code, answer.headers, answer.content
        )
        if objection:
            raise Broken(objection)

    def _validator(self, template: str, method: str, status: str, kind: str) -> Any:
        key = (template, method, status, kind)
        if key not in self._validators:
            responses = self.document["paths"][template][method]["responses"]
            schema = responses[status]["content"][kind]["schema"]
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]


@cache
def contract() -> Contract:
    """Return the contract of the app as it is in this tree."""
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    try:
        routes = runpy.run_path(str(ROOT / "function_app.py"))["routes"]
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Contract(routes.document())


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)))


def _rank(path: str) -> tuple[int, str]:
    """Return where a path comes among those that match: a literal part wins over one that is free."""
    return path.count("{"), path
