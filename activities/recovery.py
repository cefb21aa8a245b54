"""Site Recovery: start a wave of items, or adopt what was started before; look after it until it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime, Field

from domain.acting import Claim
from domain.errors import Permanent, StepError, Transient
from domain.model import ArmId, Recorded, last_segment, same_id
from domain.replication import (
    Enabling,
    Job,
    JobState,
    Move,
    Phase,
    ProtectedItem,
    Terms,
    Verb,
    move_for,
)

STARTS_AT_ONCE = 8


class SiteRecovery(Protocol):
    """The vault, to us."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...

    def start(self, item_id: str, verb: Verb, terms: Terms) -> str:
        """Start a verb on an item and return the job's name."""
        ...

    def job(self, vault: str, job: str) -> Job:
        """Return one job."""
        ...

    def cancel(self, vault: str, job: str) -> None:
        """Ask for the end of a job that runs."""
        ...


class WaveMember(Recorded):
    """One machine of a wave: its plan name, its item, and the job once there is one.

    ``enabling`` is what a machine that has no item yet is protected with.
    """

    name: str
    item: ArmId
    job: str | None = None
    point: str | None = None
    point_at: AwareDatetime | None = None
    enabling: Enabling | None = None
    required: bool = True


class Wave(Recorded):
    """A verb for several items of one vault; ``graceful`` and ``network`` are the terms of all.

    ``claim``, here and wherever something is changed, is what the run acts by.
    """

    vault: ArmId
    verb: Verb
    members: tuple[WaveMember, ...]
    graceful: bool = False
    network: ArmId | None = None
    claim: Claim | None = None

    def terms(self, member: WaveMember) -> Terms:
        """Return what the verb is started with for one member."""
        return Terms(
            graceful=self.graceful,
            network=self.network,
            point=member.point,
            enabling=member.enabling,
        )


class Started(Recorded):
    """What came of asking for one item: a job, an end already reached, or a refusal."""

    name: str
    job: str | None = None
    adopted: bool = False
    happened: bool = False
    again: bool = False
    code: str | None = None
    message: str | None = None
    after_seconds: int | None = None
    refused_by_azure: bool = False


class WaveStarted(Recorded):
    """What came of asking for every item of a wave."""

    members: tuple[Started, ...]


class Ended(Recorded):
    """One machine whose job has ended, well or not; ``item`` is where its protected item lives since, if it moved."""

    name: str
    arrived: bool
    ended_at: AwareDatetime | None = None
    recovery_point_at: AwareDatetime | None = None
    item: ArmId | None = None
    code: str | None = None
    message: str | None = None


class WaveNews(Recorded):
    """The machines of a wave whose jobs have ended since; of the others, how far their data has come in percent."""

    ended: tuple[Ended, ...] = ()
    percent: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovery:
    """The mutating half of Leeward's talk with Site Recovery, and the watching that follows."""

    vault: SiteRecovery

    def start_wave(self, wave: Wave) -> WaveStarted:
        """Start the verb on every item for which it neither happened nor runs: one read, one write per item.

        The read comes first, so a wave that is delivered twice, or whose answer was lost, starts nothing twice.
        """
        found = _by_id(self.vault.items(wave.vault))

        def begin(member: WaveMember) -> Started:
            return self._begin(wave, member, _item(found, wave, member))

        with ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
            started = tuple(pool.map(begin, wave.members))
        if any(said.refused_by_azure for said in started):
            started = self._look_twice(wave, started)
        return WaveStarted(members=started)

    def check_wave(self, wave: Wave) -> WaveNews:
        """Return the members whose jobs have ended: one read of the vault's items tells of them all.

        A single job is read only for what the items cannot say: why one of them came to rest where it began.
        """
        found = _by_id(self.vault.items(wave.vault))
        ended = (self._look(wave, member, _item(found, wave, member)) for member in wave.members)
        return WaveNews(
            ended=tuple(news for news in ended if news), percent=_percentages(wave, found)
        )

    def cancel_wave(self, wave: Wave) -> WaveNews:
        """Cancel the jobs of a wave that still run; one that has ended meanwhile is as good as cancelled."""
        found = _by_id(self.vault.items(wave.vault))
        for member in wave.members:
            item = found.get(member.item.casefold())
            if item and item.scenario_job and move_for(item, wave.verb) is Move.RUNNING:
                try:
                    self.vault.cancel(wave.vault, item.scenario_job)
                except Permanent:
                    continue  # it cannot be cancelled any more: it ends, and the next look says how
        return WaveNews()

    def _look_twice(self, wave: Wave, started: tuple[Started, ...]) -> tuple[Started, ...]:
        """Adopt what Azure refused to start because it runs: the list may have lagged behind a lost answer."""
        found = _by_id(self.vault.items(wave.vault))
        return tuple(
            _adopted(member, _item(found, wave, member), wave.verb) or said
            if said.refused_by_azure
            else said
            for member, said in zip(wave.members, started, strict=True)
        )

    def _begin(self, wave: Wave, member: WaveMember, item: ProtectedItem | None) -> Started:
        verb = wave.verb
        if item is None and verb is Verb.PROTECT:
            return self._ask(wave, member)
        if item is None:
            return Started(
                name=member.name,
                code="item_unknown",
                message=f"the vault has no item {member.item}",
            )
        adopted = _adopted(member, item, verb)
        if adopted:
            return adopted
        move = _move(member, item, verb)
        if move is Move.BUSY:
            busy = f"{item.scenario} runs on {member.name}; it must end first"
            return Started(name=member.name, again=True, code="item_busy", message=busy)
        if move is Move.IMPOSSIBLE:
            return Started(
                name=member.name, code="not_allowed_now", message=_impossible(item, verb)
            )
        return self._ask(wave, member.model_copy(update={"item": item.id}))

    def _ask(self, wave: Wave, member: WaveMember) -> Started:
        """Send the one mutating call of a member."""
        try:
            job = self.vault.start(member.item, wave.verb, wave.terms(member))
            return Started(name=member.name, job=job)
        except Transient as error:
            after = int(error.after.total_seconds()) if error.after else None
            return Started(
                name=member.name,
                again=True,
                code=error.code,
                message=error.message,
                after_seconds=after,
            )
        except Permanent as error:
            return Started(
                name=member.name, code=error.code, message=error.message, refused_by_azure=True
            )

    def _look(self, wave: Wave, member: WaveMember, item: ProtectedItem | None) -> Ended | None:
        if item is not None:
            move = _move(member, item, wave.verb)
            if move is Move.HAPPENED and wave.verb is Verb.FAILOVER:
                return Ended(
                    name=member.name,
                    arrived=True,
                    ended_at=item.failed_over_at,
                    recovery_point_at=item.latest_point_at or self._point_of(wave, member),
                )
            if move is Move.HAPPENED and wave.verb is Verb.REPROTECT:
                return Ended(
                    name=member.name, arrived=True, item=self._new_home(wave, member, item)
                )
            if move is Move.HAPPENED and wave.verb is Verb.DRILL and member.job:
                return self._by_job(wave, member, member.job, arrived=True)
            if move is Move.HAPPENED:
                changed = member.point_at if wave.verb is Verb.CHANGE_POINT else None
                return Ended(name=member.name, arrived=True, recovery_point_at=changed)
            if move is Move.RUNNING and not (member.job and _stalled(item)):
                return None
        if member.job is None:
            return Ended(
                name=member.name,
                arrived=False,
                code="job_lost",
                message=f"{member.name} neither arrived nor runs, and its job is not known",
            )
        return self._by_job(wave, member, member.job)

    def _new_home(self, wave: Wave, member: WaveMember, item: ProtectedItem) -> str:
        """Return the id that the item lives under since its re-protection: the job names it."""
        try:
            job = self.vault.job(wave.vault, member.job) if member.job else None
        except StepError:
            return item.id  # its machine and its name told as much
        return (job and job.new_item) or item.id

    def _point_of(self, wave: Wave, member: WaveMember) -> datetime | None:
        """Return the recovery point that the job used, for an item that tells of no RPO."""
        try:
            return self.vault.job(wave.vault, member.job).recovery_point_at if member.job else None
        except StepError:
            return None  # the machine has arrived; that its loss is not known is no reason to wait

    def _by_job(
        self, wave: Wave, member: WaveMember, name: str, *, arrived: bool = False
    ) -> Ended | None:
        """Say how a job ended; a drill's machine that waits to be cleaned up tells not whether it came up well."""
        try:
            job = self.vault.job(wave.vault, name)
        except Permanent as error:  # one job that nobody can read says nothing of the other members
            return Ended(name=member.name, arrived=False, code=error.code, message=error.message)
        if job.verdict is not JobState.FAILED and arrived:
            return Ended(name=member.name, arrived=True, ended_at=job.ended_at)
        if job.verdict is not JobState.FAILED:
            return None  # it runs, or it has ended well and the item will show it by the next look
        return Ended(
            name=member.name,
            arrived=False,
            ended_at=job.ended_at,
            code=job.error_code or f"job_{job.state.lower()}",
            message=job.error or f"job {name} ended as {job.state}",
        )


def _adopted(member: WaveMember, item: ProtectedItem | None, verb: Verb) -> Started | None:
    """Return what is there to adopt: an end already reached, or a job that runs."""
    move = _move(member, item, verb) if item else None
    if item and move is Move.RUNNING:
        return Started(name=member.name, job=item.scenario_job, adopted=True)
    return Started(name=member.name, happened=True, adopted=True) if move is Move.HAPPENED else None


def _move(member: WaveMember, item: ProtectedItem, verb: Verb) -> Move:
    """Say what is to be done; a change of point has happened when the item says that it stands on that point."""
    there = verb is Verb.CHANGE_POINT and item.scenario is None and member.point
    if there and item.failover_point:
        stands, wanted = last_segment(item.failover_point), last_segment(str(member.point))
        if same_id(stands, wanted):
            return Move.HAPPENED
    return move_for(item, verb)


def _stalled(item: ProtectedItem) -> bool:
    """Say whether an item is being made while no job says so: only the job that began it knows why."""
    return item.scenario is None and item.state.casefold() == "enablingprotection"


def _percentages(wave: Wave, found: dict[str, ProtectedItem]) -> dict[str, int]:
    """Return how far the replication of each member has come, where Azure tells."""
    items = {member.name: _item(found, wave, member) for member in wave.members}
    return {
        name: item.percent
        for name, item in items.items()
        if item and item.phase is Phase.REPLICATING and item.percent is not None
    }


def _item(found: dict[str, ProtectedItem], wave: Wave, member: WaveMember) -> ProtectedItem | None:
    """Return a member's item; a re-protection gives it a new home, where its machine is what is replicated."""
    item = found.get(member.item.casefold())
    if item is not None or wave.verb is not Verb.REPROTECT or member.enabling is None:
        return item
    return next((i for i in found.values() if i.vm and same_id(i.vm, member.enabling.vm)), None)


def _by_id(items: Iterable[ProtectedItem]) -> dict[str, ProtectedItem]:
    return {item.id.casefold(): item for item in items}


def _impossible(item: ProtectedItem, verb: Verb) -> str:
    allowed = ", ".join(item.allowed) or "nothing"
    return (
        f"{verb.value} is not allowed while {item.name} is {item.state} ({item.state_description}); "
        f"Azure allows {allowed}"
    )
