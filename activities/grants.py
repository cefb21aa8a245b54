"""Each identity's own word on what it may do in Azure, asked beside the way of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import StepError
from domain.grants import Grant, Grants, Heard, Identity, Need, judge_grants

# What has not answered once is not waited for again: what these tell, nothing depends on.
SILENT = {"no_answer", "not_reached", "no_token"}


class Permissions(Protocol):
    """What Azure lets each identity do."""

    def granted(self, identity: Identity, scope: str) -> Sequence[Grant] | None:
        """Return what an identity may do on a resource, None where it may not even ask; raises StepError."""
        ...


@dataclass(slots=True)
class Hearing:
    """What was heard in one look or one sweep: each identity is asked once about a resource.

    Nobody is asked about a resource again that was silent, and nobody at all once ``patience`` of them were.
    """

    permissions: Permissions
    patience: int = 1
    _heard: dict[tuple[Identity, str], Heard] = field(default_factory=dict)
    _silent: dict[str, str] = field(default_factory=dict)

    def of_all(self, needs: Iterable[Need], kind: str) -> Grants:
        """Judge needs by asking every identity that they name."""
        wanted = tuple(needs)
        heard = {(n.identity, n.scope): self._of(n.identity, n.scope) for n in wanted}
        return judge_grants(wanted, heard, kind)

    def of_acting(self, needs: Iterable[Need], kind: str) -> Grants:
        """Judge needs by asking only who acts, where a run would fail without; of a refusal the observer is witness."""
        wanted = tuple(needs)
        acting = [n for n in wanted if n.vital and n.identity is not Identity.OBSERVE]
        places: set[tuple[Identity, str]] = {(n.identity, n.scope) for n in acting}
        heard = {(n.identity, n.scope): self._of(n.identity, n.scope) for n in acting}
        refused = next((scope for (_, scope), said in heard.items() if said.refused), None)
        if refused and not any(said.current for said in heard.values()):
            heard[Identity.OBSERVE, refused] = self._of(Identity.OBSERVE, refused)
        return judge_grants([n for n in wanted if (n.identity, n.scope) in places], heard, kind)

    def _of(self, identity: Identity, scope: str) -> Heard:
        key = (identity, scope.casefold())
        if key not in self._heard:
            self._heard[key] = self._ask(identity, scope)
        return self._heard[key]

    def _ask(self, identity: Identity, scope: str) -> Heard:
        place = scope.casefold()
        if place in self._silent:
            return Heard(trouble=self._silent[place])
        if len(self._silent) >= self.patience:
            return Heard(trouble=next(iter(self._silent.values())))
        try:
            granted = self.permissions.granted(identity, scope)
        except StepError as error:
            if error.code in SILENT:
                self._silent[place] = error.code
            return Heard(trouble=error.code)
        return Heard(granted=None if granted is None else tuple(granted))
