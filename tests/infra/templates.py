"""Bicep files as their syntax trees: what they declare, what they use, what they deploy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
PARSER = Parser(Language(tree_sitter_bicep.language()))
DECLARED = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "type_declaration": "type",
    "output_declaration": "output",
}
DESCRIPTION = re.compile(r"@description\('((?:[^'\\]|\\.)*)'\)")


def read_templates() -> dict[str, str]:
    """Return the text of every Bicep file by its path below infra/."""
    return {
        path.relative_to(INFRA).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(INFRA.rglob("*.bicep"))
    }


@dataclass(frozen=True)
class Declared:
    """One declaration; ``described`` is its description, ``default`` whether a parameter may be left out."""

    kind: str
    name: str
    node: Node
    described: str | None
    default: bool

    @property
    def line(self) -> int:
        """Return the line it stands on."""
        return self.node.start_point[0] + 1


@dataclass
class Template:
    """One Bicep file."""

    path: str
    text: str
    declared: list[Declared] = field(init=False)

    def __post_init__(self) -> None:
        self.root = PARSER.parse(self.text.encode()).root_node
        self.declared = list(_declarations(self.root))

    def of(self, kind: str) -> dict[str, Declared]:
        """Return the declarations of a kind by name."""
        return {one.name: one for one in self.declared if one.kind == kind}

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Return the names that loops and lambdas bring along."""
        names = {
            text(node)
            for node in walk(self.root)
            if node.type in ("loop_variable", "loop_enumerator")
        }
        for node in walk(self.root):
            if node.type == "for_statement" and node.named_children[0].type == "identifier":
                names.add(text(node.named_children[0]))
            if node.type == "lambda_expression":
                names |= {text(c) for c in node.named_children[:-1] if c.type == "identifier"}
        return frozenset(names)

    @cached_property
    def uses(self) -> list[Node]:
        """Return every identifier that refers to something: no keys, no names being declared, no functions."""
        return [node for node in walk(self.root) if node.type == "identifier" and _refers(node)]

    @cached_property
    def calls(self) -> list[Node]:
        """Return the name of every function that is called."""
        return [
            node
            for node in walk(self.root)
            if node.type == "identifier"
            and node.parent is not None
            and node.parent.type == "call_expression"
            and node.parent.child_by_field_name("function") == node
        ]

    def resources(self) -> Iterator[tuple[str, str, Declared]]:
        """Yield the type, the API version and the declaration of each resource; a nested one has its parent's."""
        for one in self.of("resource").values():
            label = text(one.node.named_children[1]).strip("'")
            kind, _, version = label.partition("@")
            if version:
                yield kind, version, one

    def modules(self) -> Iterator[tuple[Declared, str, dict[str, Node]]]:
        """Yield each module, the path of its file, and the parameters that it is given."""
        for one in self.of("module").values():
            target = text(one.node.named_children[1]).strip("'")
            given: dict[str, Node] = {}
            for node in walk(one.node):
                if node.type == "object_property" and _key(node) == "params":
                    given = properties(node.named_children[1])
                    break
            yield one, (Path(self.path).parent / target).as_posix(), given


def templates(files: Mapping[str, str]) -> list[Template]:
    """Return the templates of these files."""
    return [Template(path, content) for path, content in files.items()]


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    """Return a node's own text."""
    return (node.text or b"").decode()


def is_existing(node: Node) -> bool:
    """Say whether a declared resource is one that is there already."""
    return any(text(child) == "existing" for child in node.children)


def properties(node: Node) -> dict[str, Node]:
    """Return the values of an object by their keys."""
    return {
        _key(child): child.named_children[-1]
        for child in node.named_children
        if child.type == "object_property" and len(child.named_children) > 1
    }


def _key(node: Node) -> str:
    return text(node.named_children[0]).strip("'")


def _declarations(root: Node) -> Iterator[Declared]:
    for node in walk(root):
        kind = DECLARED.get(node.type)
        if kind is None or not node.named_children:
            continue
        before = node.prev_named_sibling
        said = DESCRIPTION.search(text(before)) if before and before.type == "decorators" else None
        values = [c for c in node.named_children[1:] if c.type not in ("type", "primitive_type")]
        yield Declared(
            kind=kind,
            name=text(node.named_children[0]),
            node=node,
            described=said.group(1) if said else None,
            default=bool(values),
        )


def _refers(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.type in ("decorator", "metadata_declaration"):
        return False
    first = parent.named_children[0] == node
    if parent.type in DECLARED and first:
        return False
    if parent.type == "object_property" and first:
        return False
    if parent.type == "lambda_expression" and node != parent.named_children[-1]:
        return False
    is_call = parent.type == "call_expression" and parent.child_by_field_name("function") == node
    return not is_call
