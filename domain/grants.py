"""What an identity may do on a resource, by Azure's own word, and what of what it needs is missing there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.model import Recorded, Reported

LISTING = "Microsoft.Authorization/permissions/read"
# More names make no sentence clearer: who lacks so many lacks the role, and the page of permissions has them all.
NAMED = 3
MEND = "as `azd provision` does (docs/deploy.md, A grant is missing)"


class Identity(StrEnum):
    """The identities of the app, by what each is for."""

    OBSERVE = "observe"
    DRILL = "drill"
    FAILOVER = "failover"


class Role(StrEnum):
    """The roles, by their names in ``infra/roles``; in Azure the environment's name stands behind."""

    OBSERVER = "Leeward Observer"
    DRILL_RUNNER = "Leeward Drill Runner"
    FAILOVER_OPERATOR = "Leeward Failover Operator"
    PROTECTION_SET_UP = "Leeward Protection Set-up"


class Grant(Recorded):
    """What one role gives its holder: actions, with ``*`` for any, less the ``excluded`` ones of the same role."""

    actions: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def covers(self, action: str) -> bool:
        """Say whether the action is given; upper and lower case are the same to Azure."""
        return _matches(self.actions, action) and not _matches(self.excluded, action)


class Grants(Reported):
    """What was found out about the grants that a run needs, in sentences.

    ``missing`` is what it would fail on; ``to_know`` what it needs only for what may come, or what cannot be told for
    sure; ``unread`` what Azure did not answer.
    """

    missing: tuple[str, ...] = ()
    to_know: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """Return everything that was found, the worst first."""
        return self.missing + self.to_know + self.unread


@dataclass(frozen=True, slots=True)
class Need:
    """An action that a run needs as an identity on a resource; without a ``vital`` one it would fail."""

    identity: Identity
    scope: str
    action: str
    role: Role
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """What Azure said when an identity asked what it may do: its grants, or a refusal of even that, or nothing.

    ``trouble`` is the code of what went wrong where there was no answer.
    """

    granted: tuple[Grant, ...] | None = None
    trouble: str | None = None

    @property
    def refused(self) -> bool:
        """Say whether the identity may not even ask."""
        return self.granted is None and self.trouble is None

    @property
    def current(self) -> bool:
        """Say whether a role of this version is among the grants: a role from before it cannot list."""
        listing = LISTING.casefold()
        return any(a.casefold() == listing for grant in self.granted or () for a in grant.actions)


def missing(needed: Iterable[str], granted: Iterable[Grant]) -> tuple[str, ...]:
    """Return the actions that no grant gives; what one excludes, another may still give."""
    held = tuple(granted)
    return tuple(action for action in needed if not any(grant.covers(action) for grant in held))


def judge_grants(
    needs: Iterable[Need], heard: Mapping[tuple[Identity, str], Heard], kind: str
) -> Grants:
    """Judge what a kind of run needs against what Azure said; nothing is said of whom nobody asked.

    A refusal proves that the grant is gone where any role of this version is seen: all are given together, and each
    lets its holder ask. Where none is, the roles may be from before that.
    """
    by_place: dict[tuple[Identity, str, Role], list[Need]] = {}
    for need in needs:
        by_place.setdefault((need.identity, need.scope, need.role), []).append(need)
    current = any(said.current for said in heard.values())
    gone: list[str] = []
    to_know: list[str] = []
    unread: list[str] = []
    for (identity, scope, role), here in by_place.items():
        said = heard.get((identity, scope))
        if said is None:
            continue
        if said.trouble is not None:
            unread.append(
                f"what the identity {identity} may do on {scope} could not be read ({said.trouble})"
            )
        elif said.refused and not current:
            to_know.append(
                f"the identity {identity} may not list what it may do on {scope}: it lacks the role {role} there, "
                f"or the roles in Azure are older than this app; assign them anew, {MEND}"
            )
        else:
            absent = set(missing((need.action for need in here), said.granted or ()))
            vital = [n.action for n in here if n.vital and n.action in absent]
            other = [n.action for n in here if not n.vital and n.action in absent]
            if vital:
                gone.append(_lacks(identity, scope, role, vital, f"what a {kind} needs"))
            if other:
                to_know.append(_lacks(identity, scope, role, other, "what may be needed"))
    return Grants(
        missing=tuple(gone),
        to_know=tuple(dict.fromkeys(to_know)),
        unread=tuple(dict.fromkeys(unread)),
    )


def _lacks(identity: Identity, scope: str, role: Role, actions: list[str], what: str) -> str:
    """Say who lacks what where, and the mend; the names of actions are long and come last, where a screen cuts."""
    more = f" and {len(actions) - NAMED} more" if len(actions) > NAMED else ""
    return (
        f"the identity {identity} may not do {what} on {scope}; assign it the role {role} there, {MEND}. "
        f"It lacks {', '.join(actions[:NAMED])}{more}"
    )


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE)
        for pattern in patterns
    )
