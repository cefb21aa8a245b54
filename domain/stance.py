"""Where a plan stands towards its region: nothing seen, a quorum that must last, an open incident, its end.

    calm --quorum--> waiting for T_on --sustained--> incident --no quorum for T_off--> calm

Time is that of the looks, which only goes on: a look that comes again, or late, changes nothing. Where nobody looked
for longer than `GAP`, nothing was sustained, neither the quorum nor the calm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime

from domain.incident import Incident
from domain.model import Recorded, in_words
from domain.outlook import Outlook, Watched
from domain.policy import AutomationMode
from domain.quorum import Quorum
from domain.regions import display_name
from domain.signals import Signal, Verdict, Witness

GAP = timedelta(minutes=2)
KEPT_VERDICTS = 50
NAMES = {
    Witness.SYNTHETIC: "own probes",
    Witness.TRAFFIC_MANAGER: "Traffic Manager",
    Witness.RESOURCE_HEALTH: "Resource Health",
    Witness.SERVICE_HEALTH: "Service Health",
    Witness.METRIC: "metric and log alerts",
    Witness.REPLICATION: "replication",
}
SETS_OFF = {
    AutomationMode.OBSERVE: "it is recorded and announced, no more",
    AutomationMode.DRILL_ONLY: "it is recorded and announced; this plan lets nothing fail over",
    AutomationMode.MANUAL: "it opens a run that waits for approval",
    AutomationMode.AUTO_AFTER: "it opens a run that goes on by itself unless somebody objects",
}


class Said(Recorded):
    """A verdict, as it was said."""

    seq: int
    at: AwareDatetime
    text: str


class Stance(Recorded):
    """Where one plan stands; ``run`` is what came of the open incident: a run, or the word that none may come."""

    looked_at: AwareDatetime | None = None
    quorum_since: AwareDatetime | None = None
    calm_since: AwareDatetime | None = None
    incident: Incident | None = None
    signals: tuple[Signal, ...] = ()
    run: str | None = None
    over_at: AwareDatetime | None = None
    openings: tuple[AwareDatetime, ...] = ()
    verdict: str = ""
    mark: str = ""
    said: tuple[Said, ...] = ()
    kept: int = 0

    @property
    def pending(self) -> bool:
        """Say whether there is an incident of which nothing has come yet."""
        return self.incident is not None and self.run is None

    @property
    def unkept(self) -> tuple[Said, ...]:
        """Return the verdicts that have not gone to the record yet."""
        return tuple(said for said in self.said if said.seq > self.kept)


def look(stance: Stance, watched: Watched, outlook: Outlook, moment: datetime) -> Stance:
    """Return where a plan stands after one more look."""
    if stance.looked_at is not None and moment <= stance.looked_at:
        return stance
    unbroken = stance.looked_at is not None and moment - stance.looked_at <= GAP
    quorum_since = calm_since = None
    if outlook.met:
        quorum_since = (stance.quorum_since if unbroken else None) or moment
    elif not outlook.cut_off:
        calm_since = (stance.calm_since if unbroken else None) or moment
    after = stance.model_copy(
        update={"looked_at": moment, "quorum_since": quorum_since, "calm_since": calm_since}
    )
    quorum = watched.quorum
    if after.incident is None and quorum_since and moment - quorum_since >= quorum.sustained:
        after = _opened(after, watched, outlook, quorum_since, moment)
    elif after.incident and calm_since and moment - calm_since >= quorum.clear:
        after = after.model_copy(
            update={"incident": None, "signals": (), "run": None, "over_at": moment}
        )
    return _spoken(after, stance, watched, outlook, moment)


def _opened(
    stance: Stance, watched: Watched, outlook: Outlook, since: datetime, moment: datetime
) -> Stance:
    flaps = watched.quorum.flaps
    openings = (*(at for at in stance.openings if moment - at < flaps.within), moment)
    held_back = _held_back(stance, watched.quorum, len(openings), moment)
    automation = watched.automation
    if held_back and automation is AutomationMode.AUTO_AFTER:
        automation = AutomationMode.MANUAL
    incident = Incident(
        id=f"{watched.plan}-{moment:%Y%m%d-%H%M%S}",
        plan=watched.plan,
        region=watched.region,
        since=since,
        opened_at=moment,
        automation=automation,
        held_back=held_back,
        verdict="",
    )
    verdict = _paragraph(watched, outlook, since, incident, moment)
    return stance.model_copy(
        update={
            "incident": incident.model_copy(update={"verdict": verdict}),
            "signals": outlook.signals,
            "run": None,
            "openings": openings[-(flaps.limit + 1) :],
        }
    )


def _held_back(stance: Stance, quorum: Quorum, openings: int, moment: datetime) -> str | None:
    """Return why nothing may go on by itself, whatever the plan says; None where it may."""
    if openings > quorum.flaps.limit:
        within = in_words(quorum.flaps.within)
        return f"more than {quorum.flaps.limit} incidents opened within {within}: the region flaps"
    if stance.over_at is not None and moment - stance.over_at < quorum.cooldown:
        return (
            f"the last incident was over {in_words(moment - stance.over_at)} ago, "
            f"within the cooldown of {in_words(quorum.cooldown)}"
        )
    return None


def _spoken(
    after: Stance, before: Stance, watched: Watched, outlook: Outlook, moment: datetime
) -> Stance:
    """Say where the plan stands; what was said before is kept where it changes."""
    incident = after.incident
    text = _paragraph(watched, outlook, after.quorum_since, incident, moment)
    words = " ".join(f"{w.witness.value}:{w.verdict.value}" for w in outlook.words)
    mark = f"{words} {outlook.met} {outlook.cut_off} {outlook.explained} {incident.id if incident else ''}"
    if mark == before.mark:
        return after.model_copy(update={"verdict": text})
    seq = before.said[-1].seq + 1 if before.said else 1
    said = (*before.said, Said(seq=seq, at=moment, text=text))[-KEPT_VERDICTS:]
    return after.model_copy(update={"verdict": text, "mark": mark, "said": said})


def _paragraph(
    watched: Watched,
    outlook: Outlook,
    since: datetime | None,
    incident: Incident | None,
    moment: datetime,
) -> str:
    """Return the verdict in one paragraph that a person can read."""
    quorum = watched.quorum
    count = len(outlook.against)
    parts = [
        f"{display_name(watched.region)} as plan {watched.plan} sees it at {moment:%H:%M:%S} UTC: "
        f"{count} of {len(outlook.words)} classes of witness {'says' if count == 1 else 'say'} it is down, "
        f"{quorum.needed} are needed."
    ]
    parts += [
        f"{NAMES[word.witness].capitalize() if word.witness is Witness.SYNTHETIC else NAMES[word.witness]}"
        f" ({_verdict(word.verdict)}): {word.says}."
        for word in outlook.words
    ]
    if outlook.cut_off:
        parts.append(
            "No vantage point sees the canary either: it is we who are cut off, and nothing is concluded."
        )
    elif count >= quorum.needed and not outlook.met and outlook.explained:
        parts.append(
            "One machine alone, or somebody on purpose, explains the closed front door: those who found it "
            "closed count as one, so this is no quorum."
        )
    elif count >= quorum.needed and not outlook.met:
        parts.append("Leeward's own probes do not agree, so this is no quorum.")
    if since:
        parts.append(
            f"The quorum has lasted {in_words(moment - since)}; an incident takes {in_words(quorum.sustained)}."
        )
    if incident:
        parts.append(f"Incident {incident.id} is open; {SETS_OFF[incident.automation]}.")
        if incident.held_back:
            parts.append(f"A person decides, because {incident.held_back}.")
    elif not since:
        parts.append("There is no incident.")
    return " ".join(parts)


def _verdict(verdict: Verdict) -> str:
    return "down" if verdict is Verdict.UNHEALTHY else verdict.value
