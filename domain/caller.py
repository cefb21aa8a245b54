"""Who is calling, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The app roles that a directory assigns to people and apps; none includes another."""

    READ = "Leeward.Read"
    OPERATE = "Leeward.Operate"
    APPROVE = "Leeward.Approve"
    SIGNAL = "Leeward.Signal"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or an app of the tenant.

    ``id`` is the object id of the directory: it never changes and is never given twice, so it is what is compared.
    ``name`` is for people to read. ``held`` are all app roles of the token, those that plans alone know of too.
    """

    id: str
    name: str
    roles: frozenset[Role]
    is_app: bool = False
    held: frozenset[str] = frozenset()

    def objection_to(self, role: Role) -> str | None:
        """Return why the caller may not do what the role is for, or None if it may."""
        if role not in self.roles:
            return f"{self.name} has not got the role {role.value}"
        if role is Role.APPROVE and self.is_app:
            return "an app cannot approve, whatever its roles; a person must"
        return None
