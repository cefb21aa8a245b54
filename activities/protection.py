"""The vault's set-up, and what its items say: make what is missing, change what drifted, touch nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from domain.acting import Claim
from domain.errors import Permanent, StepError, Transient
from domain.landing import Landed, Unclear, drift_of, landing_of
from domain.model import ArmId, Recorded
from domain.plan import Member, Plan
from domain.replication import Job, JobState, Phase, ProtectedItem, locate
from domain.setup import Piece, Seen, differences, mend


class VaultSetup(Protocol):
    """The vault while it is set up."""

    def find(self, piece: Piece) -> Seen | None:
        """Return a piece as it is there; a mapping under any name, as long as its ends are the piece's."""
        ...

    def create(self, piece: Piece) -> str | None:
        """Ask for a piece to be made and return the job's name, None where there was nothing to do."""
        ...

    def job(self, vault: str, job: str) -> Job:
        """Return one job."""
        ...


class Items(Protocol):
    """The protected items, to be read and to be changed."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...

    def update(self, item: ProtectedItem, landed: Landed) -> str | None:
        """Ask for an item's settings to be changed and return the job's name."""
        ...

    def job(self, vault: str, job: str) -> Job:
        """Return one job."""
        ...


class Standing(Recorded):
    """Where one piece, or one member's settings, stand: settled, under way, or refused.

    ``changed`` is what was asked of Azure in this round, ``wait`` why nothing could be asked or read yet.
    """

    name: str
    settled: bool = False
    job: str | None = None
    changed: str | None = None
    wait: str | None = None
    error: str | None = None

    @property
    def open(self) -> bool:
        """Say whether there is something left to wait for."""
        return not self.settled and self.error is None


class Pieces(Recorded):
    """Pieces that need nothing of each other; ``jobs`` are those that were started, by the piece's ARM id."""

    vault: ArmId
    pieces: tuple[Piece, ...]
    jobs: dict[str, str] = Field(default_factory=dict)
    claim: Claim | None = None


class Settings(Recorded):
    """The members whose items are to say what the plan says; ``jobs`` are those that were started, by member."""

    plan: Plan
    members: tuple[str, ...]
    jobs: dict[str, str] = Field(default_factory=dict)
    claim: Claim | None = None


class Stood(Recorded):
    """Where each of what was asked for stands."""

    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Groundwork:
    """Ensures, and asks again: whoever calls it twice gets the second answer for nothing."""

    setup: VaultSetup
    vault: Items

    def ensure_pieces(self, asked: Pieces) -> Stood:
        """Read each piece, and make it when it is missing; one that is there otherwise is left and refused."""
        return Stood(standings=tuple(self._ensure(asked, piece) for piece in asked.pieces))

    def settle_items(self, asked: Settings) -> Stood:
        """Read the members' items, and change those that drifted from the plan; one read tells of them all."""
        items = self.vault.items(asked.plan.vault.id)
        members = (member for member in asked.plan.members if member.name in asked.members)
        return Stood(standings=tuple(self._settle(asked, member, items) for member in members))

    def _ensure(self, asked: Pieces, piece: Piece) -> Standing:
        job = asked.jobs.get(piece.id)
        try:
            if job and (pending := self._pending(piece.id, asked.vault, job)):
                return pending
            seen = self.setup.find(piece)
            if seen is None and job:
                return Standing(name=piece.id, job=job)  # made, and not to be seen yet
            if seen is None:
                return Standing(name=piece.id, job=self.setup.create(piece), changed="made")
        except Transient as error:
            return Standing(name=piece.id, job=job, wait=error.message)
        except Permanent as error:
            return Standing(name=piece.id, error=f"{error.message} ({error.code})")
        other = differences(piece, seen)
        if other:
            return Standing(
                name=piece.id, error=f"{piece} is there, but {'; '.join(other)}; {mend(piece)}"
            )
        return Standing(name=piece.id, settled=True, job=job)

    def _settle(self, asked: Settings, member: Member, items: Sequence[ProtectedItem]) -> Standing:
        plan, job = asked.plan, asked.jobs.get(member.name)
        item = locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member))
        if item is None or item.phase is not Phase.PROTECTED:
            return Standing(name=member.name, error="it has no protected item whose settings count")
        try:
            if job and (pending := self._pending(member.name, plan.vault.id, job)):
                return pending
            landed = landing_of(plan, member, item)
            drift = drift_of(landed, item)
            if drift and job:
                told = f"Azure took the change, yet {'; '.join(drift)}"
                return Standing(name=member.name, job=job, error=told)
            if drift:
                return Standing(
                    name=member.name, job=self.vault.update(item, landed), changed="; ".join(drift)
                )
        except Transient as error:
            return Standing(name=member.name, job=job, wait=error.message)
        except Unclear as unclear:
            return Standing(name=member.name, error=str(unclear))
        except Permanent as error:
            return Standing(name=member.name, error=f"{error.message} ({error.code})")
        return Standing(name=member.name, settled=True, job=job)

    def _pending(self, name: str, vault: str, job: str) -> Standing | None:
        """Return where a job stands that has not ended well; None once it has."""
        try:
            found = self.setup.job(vault, job)
        except StepError as error:
            return Standing(name=name, job=job, wait=error.message)
        match found.verdict:
            case JobState.RUNNING:
                return Standing(name=name, job=job)
            case JobState.FAILED:
                said = found.error or f"job {job} ended as {found.state}"
                return Standing(
                    name=name, job=job, error=f"{said} ({found.error_code or 'failed'})"
                )
        return None
