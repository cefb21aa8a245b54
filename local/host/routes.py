"""Route templates of HTTP triggers: constraints, optional and catch-all parts, and who wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Generic, TypeVar
from urllib.parse import unquote
from uuid import UUID

Target = TypeVar("Target")
Check = Callable[[str], bool]

_PARAMETER = re.compile(r"\{((?:[^{}]|\{\{|\}\})+)\}")
_CONSTRAINT = re.compile(r":([A-Za-z]+)(?:\((.*?)\)(?=:|$))?")
_PART = re.compile(
    r"^(\*{0,2})([A-Za-z_]\w*)((?::[A-Za-z]+(?:\(.*?\)(?=:|=|\?|$))?)*)(=[^?]*)?(\?)?$"
)


class BadRoute(ValueError):
    """A route template that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `{name}` of a template."""

    name: str
    checks: tuple[Check, ...] = ()
    optional: bool = False
    catch_all: bool = False
    default: str | None = None

    def accepts(self, value: str) -> bool:
        """Say whether every constraint holds for the value."""
        return all(check(value) for check in self.checks)


@dataclass(frozen=True, slots=True)
class Segment:
    """What stands between two slashes: a literal, one parameter, or parameters in a literal."""

    text: str
    parameters: tuple[Parameter, ...] = ()
    pattern: re.Pattern[str] | None = None

    @property
    def rank(self) -> int:
        """Return the precedence of ASP.NET Core: the lower wins."""
        if not self.parameters:
            return 1
        constrained = bool(self.parameters[0].checks)
        if self.parameters[0].catch_all:
            return 4 if constrained else 5
        return 2 if constrained or self.pattern else 3

    def match(self, value: str) -> dict[str, str] | None:
        """Return what the segment captures from one part of a path, None if it does not fit."""
        if not self.parameters:
            return {} if value.lower() == self.text.lower() else None
        if self.pattern is None:
            captured = {self.parameters[0].name: value}
        else:
            found = self.pattern.fullmatch(value)
            if found is None:
                return None
            captured = found.groupdict()
        fits = all(parameter.accepts(captured[parameter.name]) for parameter in self.parameters)
        return captured if fits else None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed route template."""

    text: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template such as `orders/{id:int}/{*rest}`; raises BadRoute."""
        segments = tuple(_segment(part, text) for part in _split(text.strip("/")))
        _check_order(segments, text)
        return cls(text, segments)

    @property
    def rank(self) -> tuple[int, ...]:
        """Return what templates are tried by, the best first."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Return the route parameters of a path, None if the template does not fit it."""
        captured: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            lone = segment.parameters[0] if segment.parameters and not segment.pattern else None
            rest = parts[position:]
            if lone and lone.catch_all:
                return _with_rest(captured, lone, rest)
            if not rest:
                if lone is None or not (lone.optional or lone.default is not None):
                    return None
                if lone.default is not None:
                    captured[lone.name] = lone.default
                continue
            found = segment.match(rest[0])
            if found is None:
                return None
            captured |= found
        return captured if len(parts) <= len(self.segments) else None


@dataclass(slots=True)
class Routes(Generic[Target]):
    """Templates and the methods they take; the most literal template wins."""

    entries: list[tuple[Template, frozenset[str], Target]] = field(default_factory=list)

    def add(self, template: str, methods: Collection[str], target: Target) -> None:
        """Add a template; no methods means every method. Raises BadRoute."""
        taken = frozenset(method.upper() for method in methods)
        self.entries.append((Template.parse(template), taken, target))
        self.entries.sort(key=lambda entry: entry[0].rank)

    def find(self, method: str, path: str) -> tuple[Target, dict[str, str]] | None:
        """Return the target and its route parameters, None where nothing takes the request."""
        parts = path_parts(path)
        for template, methods, target in self.entries:
            if methods and method.upper() not in methods:
                continue
            captured = template.match(parts)
            if captured is not None:
                return target, captured
        return None


def path_parts(raw_path: str) -> list[str]:
    """Split and decode a path as the web server does: dots resolved, an escaped slash kept."""
    parts: list[str] = []
    for raw in raw_path.split("/"):
        part = "%2F".join(unquote(piece) for piece in re.split("%2[fF]", raw))
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _with_rest(
    captured: dict[str, str], parameter: Parameter, rest: list[str]
) -> dict[str, str] | None:
    value = "/".join(rest) if rest else parameter.default
    if value is None:
        return captured if not parameter.checks else None
    return captured | {parameter.name: value} if parameter.accepts(value) else None


def _split(text: str) -> Iterator[str]:
    """Split on the slashes outside braces: a regex constraint may hold one."""
    depth, start = 0, 0
    for position, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == "/" and depth == 0:
            yield text[start:position]
            start = position + 1
    if text:
        yield text[start:]


def _segment(text: str, template: str) -> Segment:
    found = list(_PARAMETER.finditer(text))
    if not found:
        if not text or set(text) & set("{}?*"):
            raise BadRoute(f"route {template!r}: the segment {text!r} is not a literal or {{name}}")
        return Segment(text)
    parameters = tuple(_parameter(each[1], template) for each in found)
    if len(found) == 1 and found[0][0] == text:
        return Segment(text, parameters)
    if any(parameter.optional or parameter.catch_all for parameter in parameters):
        raise BadRoute(
            f"route {template!r}: an optional or catch-all parameter must be a whole segment,"
            f" not part of {text!r}"
        )
    return Segment(text, parameters, _pattern(text, found, parameters))


def _pattern(
    text: str, found: list[re.Match[str]], parameters: tuple[Parameter, ...]
) -> re.Pattern[str]:
    pieces, end = "", 0
    for match, parameter in zip(found, parameters, strict=True):
        pieces += re.escape(text[end : match.start()]) + f"(?P<{parameter.name}>.+)"
        end = match.end()
    return re.compile(pieces + re.escape(text[end:]), re.IGNORECASE)


def _parameter(text: str, template: str) -> Parameter:
    parts = _PART.match(text)
    if parts is None:
        raise BadRoute(f"route {template!r}: {{{text}}} is not a parameter")
    stars, name, constraints, default, optional = parts.groups()
    checks = tuple(
        _constraint(kind, argument, template)
        for kind, argument in _CONSTRAINT.findall(constraints or "")
    )
    return Parameter(name, checks, bool(optional), bool(stars), default[1:] if default else None)


def _check_order(segments: tuple[Segment, ...], template: str) -> None:
    names = [parameter.name.lower() for segment in segments for parameter in segment.parameters]
    for name in names:
        if names.count(name) > 1:
            raise BadRoute(f"route {template!r}: the parameter {name!r} occurs twice")
    for segment, following in pairwise(segments):
        first = segment.parameters[0] if segment.parameters else None
        if first and first.catch_all:
            raise BadRoute(f"route {template!r}: a catch-all parameter must come last")
        after = following.parameters[0] if following.parameters else None
        if first and first.optional and not (after and (after.optional or after.catch_all)):
            raise BadRoute(
                f"route {template!r}: only what is optional may follow {{{first.name}?}}"
            )


def _constraint(kind: str, argument: str, template: str) -> Check:
    try:
        return _CONSTRAINTS[kind.lower()](argument)
    except KeyError:
        known = ", ".join(sorted(_CONSTRAINTS))
        raise BadRoute(f"route {template!r}: no constraint {kind!r}; there are {known}") from None
    except ValueError as error:
        raise BadRoute(f"route {template!r}: constraint {kind}({argument}): {error}") from error


def _parses(convert: Callable[[str], object]) -> Callable[[str], Check]:
    def check(value: str) -> bool:
        try:
            convert(value)
        except ValueError:
            return False
        return True

    return lambda argument: check


def _whole(value: str, bits: int = 32) -> int:
    number = int(value)
    if not re.fullmatch(r"[+-]?[0-9]+", value) or not -(2 ** (bits - 1)) <= number < 2 ** (
        bits - 1
    ):
        raise ValueError(value)
    return number


def _truth(value: str) -> None:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)


def _guid(value: str) -> None:
    if not re.fullmatch(r"[({]?[0-9a-fA-F-]{32,36}[)}]?", value):
        raise ValueError(value)
    UUID(value.strip("(){}"))


def _within(measure: Callable[[str], int]) -> Callable[[str], Check]:
    def constrain(argument: str) -> Check:
        bounds = [int(bound) for bound in argument.split(",")]
        return lambda value: _between(measure, value, bounds[0], bounds[-1])

    return constrain


def _at_least(measure: Callable[[str], int]) -> Callable[[str], Check]:
    def constrain(argument: str) -> Check:
        bound = int(argument)
        return lambda value: _between(measure, value, bound, None)

    return constrain


def _at_most(measure: Callable[[str], int]) -> Callable[[str], Check]:
    def constrain(argument: str) -> Check:
        bound = int(argument)
        return lambda value: _between(measure, value, None, bound)

    return constrain


def _between(measure: Callable[[str], int], value: str, low: int | None, high: int | None) -> bool:
    try:
        number = measure(value)
    except ValueError:
        return False
    return (low is None or number >= low) and (high is None or number <= high)


def _long(value: str) -> int:
    return _whole(value, bits=64)


def _matches(argument: str) -> Check:
    pattern = re.compile(argument.replace("{{", "{").replace("}}", "}"), re.IGNORECASE)
    return lambda value: pattern.search(value) is not None


_CONSTRAINTS: dict[str, Callable[[str], Check]] = {
    "int": _parses(_whole),
    "long": _parses(_long),
    "bool": _parses(_truth),
    "decimal": _parses(float),
    "double": _parses(float),
    "float": _parses(float),
    "datetime": _parses(datetime.fromisoformat),
    "guid": _parses(_guid),
    "alpha": lambda argument: lambda value: re.fullmatch(r"[A-Za-z]*", value) is not None,
    "required": lambda argument: bool,
    "length": _within(len),
    "minlength": _at_least(len),
    "maxlength": _at_most(len),
    "range": _within(_long),
    "min": _at_least(_long),
    "max": _at_most(_long),
    "regex": _matches,
}
