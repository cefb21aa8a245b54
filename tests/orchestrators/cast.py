"""What every activity says on a good night: machines arrive, probes are answered, users follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.acting import Acting, Claimed, Leaving, Left
from activities.actions import HttpOrder, JobSeen, RunbookOrder
from activities.drill import LeftoverQuestion, LeftoversSeen, Scene, SceneQuestion
from activities.evidence import Draft, Sealed
from activities.guardrails import GuardQuestion, GuardSeen
from activities.health import Heard, PathQuestion, PathSeen, Round, SourceQuestion, SourceSeen
from activities.notices import Notice, PlanNotice, Told
from activities.plans import PlanQuestion, PlanSeen
from activities.points import Chosen, PointQuestion, PointsChosen
from activities.protection import Pieces, Settings, Standing, Stood
from activities.readiness import Question
from activities.recovery import Ended, Started, Wave, WaveNews, WaveStarted
from activities.survey import Surveyed, SurveyQuestion
from activities.traffic import EndpointChange, ProfileQuestion
from domain.acting import Wish
from domain.action import HttpAnswered
from domain.canonical import digest
from domain.drill import Rehearsed
from domain.evidence import seal
from domain.gate import Probe
from domain.run import DnsAnswer, EndpointState, ProbeAnswer, ProfileState, Readiness
from tests.ledger_in_memory import LedgerInMemory

EAST = EndpointState(
    name="east",
    type="ExternalEndpoints",
    target="east.example.com",
    status="Enabled",
    monitor="Online",
)
WEST = EndpointState(
    name="west",
    type="ExternalEndpoints",
    target="west.example.com",
    status="Disabled",
    monitor="Inactive",
)
BEFORE = ProfileState(fqdn="shop.trafficmanager.net", ttl_seconds=30, endpoints=(EAST, WEST))
RECOVERY_POINT_AGE = timedelta(minutes=4)


@dataclass
class Cast:
    """Activities with just enough memory to be believed."""

    takes: timedelta = timedelta(seconds=50)
    profile: ProfileState = BEFORE
    jobs: dict[str, datetime] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    ledger: LedgerInMemory = field(default_factory=LedgerInMemory)

    def claim_application(self, wish: Wish, now: datetime) -> Claimed:
        return Acting(self.ledger, "here").claim_application(wish)

    def leave_application(self, leaving: Leaving, now: datetime) -> Left:
        return Acting(self.ledger, "here").leave_application(leaving)

    def assess_readiness(self, question: Question, now: datetime) -> Readiness:
        return Readiness(ready=True)

    def look_at_guardrails(self, question: GuardQuestion, now: datetime) -> GuardSeen:
        return GuardSeen()

    def look_up_plan(self, question: PlanQuestion, now: datetime) -> PlanSeen:
        return PlanSeen()

    def survey_protection(self, question: SurveyQuestion, now: datetime) -> Surveyed:
        return Surveyed(
            disks={m.name: (f"{question.plan.vm_id(m)}-os",) for m in question.plan.members}
        )

    def ensure_pieces(self, asked: Pieces, now: datetime) -> Stood:
        return Stood(standings=tuple(self.stands(p.id, now) for p in asked.pieces))

    def settle_items(self, asked: Settings, now: datetime) -> Stood:
        return Stood(standings=tuple(Standing(name=name, settled=True) for name in asked.members))

    def stands(self, name: str, now: datetime) -> Standing:
        """Let a piece be made when it is first asked for, and be there once its job has had its time."""
        job = f"job-{name}"
        if job not in self.jobs:
            self.jobs[job] = now
            return Standing(name=name, job=job, changed="made")
        return Standing(name=name, job=job, settled=self.jobs[job] + self.takes <= now)

    def choose_points(self, question: PointQuestion, now: datetime) -> PointsChosen:
        return PointsChosen(members={name: Chosen() for name in question.items})

    def set_scene(self, question: SceneQuestion, now: datetime) -> Scene:
        members = (
            Rehearsed(name=m.name, group="/g", test_name=f"{m.name}-test", size="small")
            for m in question.plan.members
        )
        return Scene(members=tuple(members))

    def look_for_leftovers(self, question: LeftoverQuestion, now: datetime) -> LeftoversSeen:
        return LeftoversSeen()

    def start_wave(self, wave: Wave, now: datetime) -> WaveStarted:
        return WaveStarted(members=tuple(self.started(wave, m.name, now) for m in wave.members))

    def started(self, wave: Wave, name: str, now: datetime) -> Started:
        """Start one member's job, or adopt the one that was started before."""
        known = [job for job in self.jobs if job.startswith(f"{wave.verb.value}-{name}-")]
        if known:
            return Started(name=name, job=known[-1], adopted=True)
        return self.fresh(wave, name, now)

    def fresh(self, wave: Wave, name: str, now: datetime) -> Started:
        """Start a new job of one member."""
        job = f"{wave.verb.value}-{name}-{len(self.starts) + 1}"
        self.jobs[job] = now
        self.starts.append(f"{wave.verb.value} {name}")
        return Started(name=name, job=job)

    def check_wave(self, wave: Wave, now: datetime) -> WaveNews:
        return WaveNews(
            ended=tuple(
                self.arrived(m.name, m.job, now)
                for m in wave.members
                if m.job is None or self.jobs[m.job] + self.takes <= now
            )
        )

    def cancel_wave(self, wave: Wave, now: datetime) -> WaveNews:
        for member in wave.members:
            self.cancelled.append(f"{wave.verb.value} {member.name}")
            for job in [j for j in self.jobs if j.startswith(f"{wave.verb.value}-{member.name}-")]:
                del self.jobs[job]
        return WaveNews()

    def arrived(self, name: str, job: str | None, now: datetime) -> Ended:
        """Return the good end of one member."""
        ended = self.jobs[job] + self.takes if job else now
        return Ended(
            name=name, arrived=True, ended_at=ended, recovery_point_at=ended - RECOVERY_POINT_AGE
        )

    def probe_round(self, round_: Round, now: datetime) -> Heard:
        return Heard(answers=tuple(ok(probe) for probe in round_.probes))

    def look_at_source(self, question: SourceQuestion, now: datetime) -> SourceSeen:
        return SourceSeen(
            machines=dict.fromkeys(question.vms, "stopped"),
            answers=tuple(deaf(probe) for probe in question.probes),
        )

    def look_at_path(self, question: PathQuestion, now: datetime) -> PathSeen:
        return PathSeen(
            dns=(DnsAnswer(resolver="9.9.9.9", answer=question.target, ok=True),),
            http=(ok(Probe(http=question.url)),),
        )

    def read_profile(self, question: ProfileQuestion, now: datetime) -> ProfileState:
        return self.profile

    def set_endpoint(self, change: EndpointChange, now: datetime) -> ProfileState:
        status = "Enabled" if change.enabled else "Disabled"
        monitor = "Online" if change.enabled else "Inactive"
        self.profile = self.profile.model_copy(
            update={
                "endpoints": tuple(
                    e.model_copy(update={"status": status, "monitor": monitor})
                    if e.name == change.endpoint.name
                    else e
                    for e in self.profile.endpoints
                )
            }
        )
        return self.profile

    def call_http(self, order: HttpOrder, now: datetime) -> HttpAnswered:
        return HttpAnswered(status=200, ok=True, said="thanks")

    def start_runbook(self, order: RunbookOrder, now: datetime) -> JobSeen:
        adopted = order.job in self.jobs
        self.jobs.setdefault(order.job, now)
        return JobSeen(status="New", adopted=adopted)

    def check_runbook(self, order: RunbookOrder, now: datetime) -> JobSeen:
        if self.jobs[order.job] + self.takes > now:
            return JobSeen(status="Running")
        return JobSeen(status="Completed", over=True, done=True, output="all is warm")

    def stop_runbook(self, order: RunbookOrder, now: datetime) -> JobSeen:
        self.cancelled.append(order.runbook.name)
        return JobSeen(status="Stopping")

    def seal_evidence(self, draft: Draft, now: datetime) -> Sealed:
        return Sealed(sha256=digest(seal(draft.evidence, draft.facts)))

    def tell_of_plan(self, notice: PlanNotice, now: datetime) -> Told:
        return Told(told=True)

    def announce(self, notice: Notice, now: datetime) -> Told:
        return Told(told=True)


def ok(probe: Probe) -> ProbeAnswer:
    """Return a good answer."""
    return ProbeAnswer(probe=str(probe), ok=True, heard="200")


def deaf(probe: Probe) -> ProbeAnswer:
    """Return what a probe hears where nobody answers."""
    return ProbeAnswer(probe=str(probe), ok=False, heard="no answer")
