"""Reading a plan from YAML: every mistake is named with its line and its mend, all at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from domain.asr_draft import is_mark
from domain.plan import Plan
from domain.plan_rules import Mistake, Place, PlanRefused, Problem
from domain.reach import EVERYWHERE, Reach
from domain.reach_rules import UNSAID, beyond, told_openly, unsaid

ReadPlan = Callable[[str, str], Plan]
ROOT: Place = ()
# A plan needs eight levels; Python's own stack holds some three hundred.
DEEPEST = 50
YAML_TAGS = "tag:yaml.org,2002:"
KINDS = {
    "string_type": "text; put it in quotes",
    "string_unicode": "text; remove the broken character",
    "tuple_type": "a list; write each entry on a line of its own after `- `",
    "model_type": "a group of keys; write them indented on the lines below",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
}


def reader(bounds: Reach) -> ReadPlan:
    """Return how plans are read where no plan's reach may name more than ``bounds``."""

    def read(text: str, where: str) -> Plan:
        return read_plan(text, where, bounds)

    return read


def read_plan(text: str, where: str, bounds: Reach = EVERYWHERE) -> Plan:
    """Return the plan that the YAML text holds; its reach names no more than ``bounds``.

    Raises PlanRefused, naming ``where`` and the lines.
    """
    node = _compose(text, where)
    lines: dict[Place, int] = {}
    wrong: list[Mistake] = []
    value = _value(node, ROOT, lines, wrong)
    if wrong:
        raise PlanRefused(where, wrong)
    blanks = list(_blanks(value, ROOT, lines))
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        blank = {mistake.line for mistake in blanks}
        mistakes = [m for detail in error.errors() for m in _mistakes(detail, lines)]
        mistakes = [mistake for mistake in mistakes if mistake.line not in blank]
        if value.get("reach") is None:
            mistakes.append(Mistake(1, UNSAID))
        raise PlanRefused(where, blanks + mistakes) from None
    if plan.reach is None:
        blanks.append(Mistake(1, unsaid(plan)))
    blanks += [Mistake(_line(place, lines), what) for place, what in told_openly(plan)]
    blanks += [Mistake(_line(place, lines), what) for place, what in beyond(plan, bounds)]
    if blanks:
        raise PlanRefused(where, blanks)
    return plan


def write_plan(data: Mapping[str, Any]) -> str:
    """Return the YAML text of a plan's data."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=200)


def _blanks(value: Any, place: Place, lines: Mapping[Place, int]) -> Iterator[Mistake]:
    """Yield what an imported plan still has to be told."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _blanks(inner, (*place, str(key)), lines)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _blanks(inner, (*place, number), lines)
    elif is_mark(value):
        yield Mistake(lines[place], f"{_dotted(place)} is still to be filled in: {value}")


def _compose(text: str, where: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"not YAML: the character {error.character!r} may not stand in it; remove it"
        raise PlanRefused(where, [Mistake(line, what)]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PlanRefused(where, [Mistake(line, f"not YAML: {error.problem}")]) from None
    if not isinstance(node, yaml.MappingNode):
        what = "a plan is a mapping that begins with `schema: leeward/plan/1`"
        raise PlanRefused(where, [Mistake(1, what)])
    return node


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a plan says everything where it stands, and no bomb unfolds."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # no types in PyYAML's stubs
            what = "a plan has no YAML aliases; write the value out"
            raise yaml.composer.ComposerError(None, None, what, mark)
        if self._depth == DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # no types in PyYAML's stubs
            what = "a plan is not nested this deeply; close a bracket or indent less"
            raise yaml.composer.ComposerError(None, None, what, mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], wrong: list[Mistake]) -> Any:
    """Return a node's plain value; note the line of every place, and what no plan may hold."""
    lines[place] = node.start_mark.line + 1
    if not node.tag.startswith(YAML_TAGS):
        wrong.append(Mistake(lines[place], f"a plan has no YAML tags of its own; drop {node.tag}"))
    if isinstance(node, yaml.MappingNode):
        value: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key, str):
                wrong.append(Mistake(line, "a key is one word; write `key: value`"))
                continue
            if key in value:
                wrong.append(Mistake(line, f"key {key!r} is there twice; keep one"))
            value[key] = _value(value_node, (*place, key), lines, wrong)
            lines[(*place, key)] = line
        return value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, i), lines, wrong) for i, item in enumerate(node.value)]
    return _Scalars.construct(node)


class _Scalars:
    """YAML's own reading of one scalar: numbers, booleans and null, else text."""

    @staticmethod
    def construct(node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            value = loader.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            # PyYAML falls over a 31st of February, or over !!bool x: then it is text.
            return str(node.value)
        finally:
            loader.dispose()
        return (
            value
            if value is None or isinstance(value, bool | int | float | str)
            else str(node.value)
        )


def _mistakes(detail: ErrorDetails, lines: dict[Place, int]) -> Iterator[Mistake]:
    if detail["type"] == "plan_rules":
        problems: tuple[Problem, ...] = detail["ctx"]["problems"]
        for problem in problems:
            yield Mistake(_line(problem.place, lines), problem.what)
        return
    if detail["type"] == "too_short" and detail["input"]:
        return  # pydantic counts the good entries alone; the bad one has its own mistake
    place: Place = detail["loc"]
    yield Mistake(_line(place, lines), f"{_dotted(place)}: {_words(detail, place)}")


def _line(place: Place, lines: dict[Place, int]) -> int:
    """Return the line of the place, or of the nearest part around it that stands in the file."""
    while place not in lines:
        place = place[:-1]
    return lines[place]


def _dotted(place: Place) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the plan"


def _words(detail: ErrorDetails, place: Place) -> str:
    """Say what is wrong in a plan writer's words, with the mend."""
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys_at(place[:-1])
        near = get_close_matches(str(place[-1]), known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
        return f"unknown key; {mend}"
    if kind == "missing":
        return "is missing; every plan says it"
    if kind == "too_short":
        return "is empty; name at least one, or drop the whole entry"
    if kind in ("time_delta_type", "time_delta_parsing"):
        return f"{_brief(detail['input'])} is no duration; write ISO 8601, as in PT30M"
    if kind == "string_pattern_mismatch":
        form = detail["ctx"]["pattern"]
        return (
            f"{_brief(detail['input'])} has a character or form that is not allowed here ({form})"
        )
    if kind in KINDS:
        return f"{_brief(detail['input'])} is not {KINDS[kind]}"
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "the value should")


def _brief(value: Any) -> str:
    """Return what stands there, short enough to be read in a sentence."""
    if isinstance(value, Mapping | list):
        return "a group of keys" if isinstance(value, Mapping) else "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _keys_at(place: Place) -> list[str]:
    """Return the keys that a plan may have at a place."""
    model: type[BaseModel] = Plan
    for part in place:
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``tuple[Tier, ...]`` or ``Gate | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found:
            return found
    return None
