"""What must hold of templates that reach into other subscriptions; each rule returns what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tree_sitter import Node

from tests.infra.templates import Template, is_existing, templates, text, walk

GROUP_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+")
# Azure makes these only in the subscription that they tell of.
HEARD_AT_HOME = {
    "Microsoft.Insights/activityLogAlerts": ("scopes", "[subscription().id]"),
    "Microsoft.EventGrid/systemTopics": ("source", "subscription().id"),
}
LOOP = re.compile(r"= \[\s*for (?:\w+|\(\w+, (?P<at>\w+)\)) in (?P<each>\w+):")


def listening(files: Mapping[str, str]) -> list[str]:
    """Return what would leave a subscription with machines of applications unheard, or what Azure would refuse."""
    said, there = [], set()
    for one in templates(files):
        for kind, _, declared in one.resources():
            if kind not in HEARD_AT_HOME or is_existing(declared.node):
                continue
            there.add(one.path)
            key, wanted = HEARD_AT_HOME[kind]
            found = _value(declared.node, key)
            if found != wanted:
                said.append(f"{one.path}:{declared.line}: {key} is {found}, and must be {wanted}")
    main = Template("main.bicep", files["main.bicep"])
    for declared, path, given in main.modules():
        where, loop = f"main.bicep:{declared.line}: {path}", LOOP.search(text(declared.node))
        if path in there and not (loop and loop["each"] == "watched"):
            said.append(f"{where} is not deployed to each of watched")
        people = text(given["peopleGroupId"]) if "peopleGroupId" in given else ""
        own = f"people[{loop['at'] if loop else 0}].outputs.id"
        if people not in ("", own):
            said.append(f"{where} calls people by {people}; a metric alert can call {own} alone")
    return said + [
        f"main.bicep: watched is not made of {part}"
        for part in ("here.subscription", "applicationGroupIds")
        if part not in _made_of(main, "watched")
    ]


def group_ids(values: str) -> list[str]:
    """Return the groups in azd's parameter file that name no subscription."""
    given = json.loads(values)["parameters"]["applicationResourceGroups"]["value"]
    return [
        f"main.parameters.json: applicationResourceGroups: {one} is no id of a group; "
        "give /subscriptions/ID/resourceGroups/NAME"
        for one in given
        if not GROUP_ID.fullmatch(one)
    ]


def _value(resource: Node, key: str) -> str:
    found = [
        text(node.named_children[-1])
        for node in walk(resource)
        if node.type == "object_property" and text(node.named_children[0]) == key
    ]
    return ", ".join(found) or "not there"


def _made_of(main: Template, name: str) -> str:
    """Return the text of a variable and of all that it is made of."""
    known = {key: text(one.node) for key, one in main.of("var").items()}
    seen: dict[str, str] = {}
    names = [name]
    while names:
        one = names.pop()
        if one in known and one not in seen:
            seen[one] = known[one]
            names += re.findall(r"\w+", known[one])
    return "\n".join(seen.values())
