"""The rules that a plan's owner sets for every run: approval, fence, recovery point, commit, retries."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.gate import Probe
from domain.model import Duration, Model
from domain.schedule import Blackout


class BreakGlass(StrEnum):
    """Who may go on alone, with a reason, where several should agree: nobody, somebody else than the asker, anyone."""

    NEVER = "never"
    ANOTHER = "another"
    ANYONE = "anyone"


Role = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]


class Approval(Model):
    """Whether people must agree first, how many and of which roles, and for how long they are asked.

    A run that a signal opened always asks. Without ``roles``, whoever may decide at the door may approve.
    """

    required: bool = True
    approvers: Annotated[int, Field(ge=1, le=9)] = 1
    roles: Annotated[tuple[Role, ...], Field(max_length=9)] = ()
    within: Duration = timedelta(minutes=30)
    break_glass: BreakGlass = BreakGlass.NEVER


class AutomationMode(StrEnum):
    """What an incident may set off by itself."""

    OBSERVE = "observe"
    DRILL_ONLY = "drill_only"
    MANUAL = "manual"
    AUTO_AFTER = "auto_after"


class Automation(Model):
    """What an incident sets off.

    With ``observe`` it is recorded and announced, no more; with ``drill_only`` too: Leeward may rehearse by itself, but
    not fail over. With ``manual`` it opens a run that waits for approval; with ``auto_after`` one that is announced and
    goes on by itself unless somebody objects within ``after``. A person is asked instead where a machine would lose
    more than ``rpo``, or where ``failovers_per_hour`` failovers began in the whole estate within the hour.
    """

    mode: AutomationMode = AutomationMode.MANUAL
    after: Duration = timedelta(minutes=15)
    rpo: Duration = timedelta(minutes=15)
    failovers_per_hour: Annotated[int, Field(ge=1, le=100)] = 1


class Reaction(StrEnum):
    """What to do with traffic when the source could not be proved down."""

    PROCEED = "proceed"
    STOP = "stop"


class Fence(Model):
    """What must not be the case when traffic moves: a source that may still take writes."""

    silent: Reaction = Reaction.PROCEED
    answering: Reaction = Reaction.STOP
    probes: tuple[Probe, ...] = ()


class RecoveryPoint(StrEnum):
    """Which state of a machine is recovered, where no point is named."""

    LATEST = "latest"
    LATEST_PROCESSED = "latest_processed"
    LATEST_APP_CONSISTENT = "latest_app_consistent"
    LATEST_CRASH_CONSISTENT = "latest_crash_consistent"


class CommitMode(StrEnum):
    """Who ends the failover; a commit deletes the recovery points."""

    AUTO_AFTER = "auto_after"
    MANUAL = "manual"
    NEVER = "never"


class Commit(Model):
    """When the failover becomes final; the soak before it is also the window for a person's answer."""

    mode: CommitMode = CommitMode.MANUAL
    after: Duration = timedelta(minutes=10)
    within: Duration = timedelta(hours=1)


class Retry(Model):
    """How often a member's failed job is started again, and after which pause."""

    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    pause: Duration = timedelta(minutes=1)


class OnFailure(StrEnum):
    """What a tier that does not arrive does to the run: end it, or ask a person to retry, skip or stop it."""

    STOP = "stop"
    ASK = "ask"


class Policy(Model):
    """The rules that the plan's owner set for every run."""

    automation: Automation = Automation()
    approval: Approval = Approval()
    fence: Fence = Fence()
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    commit: Commit = Commit()
    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure.STOP
    answer_within: Duration = timedelta(hours=1)
    deadline: Duration = timedelta(hours=6)
    blackout: tuple[Blackout, ...] = ()
