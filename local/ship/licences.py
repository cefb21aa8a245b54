"""Under which licences the components stand, and whether the policy lets each of them ship."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from license_expression import ExpressionError, ExpressionParseError, get_spdx_licensing

SPDX = get_spdx_licensing()  # type: ignore[no-untyped-call]  # no types in the library


def licences(sbom: str) -> str:
    """Return one line per component: name, version, licence as it declares it."""
    lines = [
        f"{part['name']} {part['version']}: {', '.join(declared(part)) or 'not declared'}"
        for part in _components(sbom)
    ]
    return "\n".join(lines) + "\n"


def declared(part: Mapping[str, Any]) -> list[str]:
    """Return what a component declares, each once."""
    said = [
        one.get("expression") or _named(one.get("license", {})) for one in part.get("licenses", [])
    ]
    return list(dict.fromkeys(said))


@dataclass(frozen=True, slots=True)
class Policy:
    """The licences that may ship, how packages write them, and what those packages have that declare none."""

    allowed: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Policy:
        """Return the policy of ``licences.toml``."""
        data = tomllib.loads(text)
        return cls(frozenset(data["allowed"]), data.get("names", {}), data.get("packages", {}))

    def objections(self, sbom: str) -> list[str]:
        """Return a sentence for every component that may not ship, and for what the policy says of none."""
        parts = _components(sbom)
        said = [objection for part in parts if (objection := self._objection(part))]
        gone = set(self.packages) - {part["name"] for part in parts}
        return said + [
            f"licences.toml tells of {name}, which does not ship; remove it"
            for name in sorted(gone)
        ]

    def _objection(self, part: Mapping[str, Any]) -> str | None:
        name = f"{part['name']} {part['version']}"
        said = declared(part)
        read = self.packages.get(part["name"])
        if read and read["declares"] == said:
            said = [read["is"]]
        if not said:
            return f"{name} declares no licence; read its licence file and add it under [packages]"
        wrong = [one for one in said if not self._may(self.names.get(one, one))]
        return (
            f"{name} declares {' and '.join(wrong)}, which licences.toml does not allow"
            if wrong
            else None
        )

    def _may(self, expression: str) -> bool:
        """Say whether an SPDX expression can be met with what is allowed."""
        try:
            parsed = SPDX.parse(expression, validate=True, strict=True)
        except (ExpressionError, ExpressionParseError):
            return False
        return parsed is not None and self._met(parsed)

    def _met(self, parsed: Any) -> bool:
        if isinstance(parsed, SPDX.OR):
            return any(self._met(one) for one in parsed.args)
        if isinstance(parsed, SPDX.AND):
            return all(self._met(one) for one in parsed.args)
        return str(parsed) in self.allowed


def _components(sbom: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = json.loads(sbom).get("components", [])
    return sorted(parts, key=lambda part: str(part["name"]).casefold())


def _named(licence: Mapping[str, str]) -> str:
    return licence.get("id") or licence.get("name", "").rpartition(":: ")[2]
