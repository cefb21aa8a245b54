"""The app roles that a tenant is given are those that the doors ask for."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from domain.caller import Role
from tests.infra.templates import INFRA

ROLES: list[dict[str, Any]] = json.loads((INFRA / "entra/app-roles.json").read_text("utf-8"))


def test_every_role_of_the_doors_can_be_assigned_and_no_other() -> None:
    assert sorted(role["value"] for role in ROLES) == sorted(Role)
    assert len({UUID(role["id"]) for role in ROLES}) == len(ROLES)
    assert all(role["isEnabled"] and role["description"] for role in ROLES)


def test_no_app_can_be_made_an_approver_and_no_person_a_source_of_signals() -> None:
    members = {role["value"]: role["allowedMemberTypes"] for role in ROLES}
    assert members[Role.APPROVE] == ["User"]
    assert members[Role.SIGNAL] == ["Application"]
