"""Who is told: programs by the topic, people by their chats, and nobody is held up by one that is ill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.notices import Notice, Notices, PlanNotice
from domain.chat import Message
from domain.errors import Transient

WHY = "3 of 3 vantage points miss the application"


@dataclass
class Topic:
    anybody: bool = True
    events: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, kind: str, subject: str, data: dict[str, Any]) -> bool:
        self.events.append((kind, subject))
        return self.anybody


@dataclass
class Chat:
    ill: bool = False
    posted: list[Message] = field(default_factory=list)

    def post(self, message: Message) -> bool:
        if self.ill:
            raise Transient("not_posted", "the chat answered 503")
        self.posted.append(message)
        return True


def test_whether_anybody_was_there_to_be_told_is_said() -> None:
    notice = Notice(kind="Leeward.RunEnded", run="r", data={})
    assert Notices(Topic()).announce(notice).told
    assert not Notices(Topic(anybody=False)).announce(notice).told
    assert Notices(Topic(anybody=False), (Chat(),)).announce(notice).told


def test_programs_and_people_hear_the_same_and_people_are_spared_the_noise() -> None:
    topic, slack, teams = Topic(), Chat(), Chat()
    notices = Notices(topic, (slack, teams))
    notices.announce(Notice(kind="Leeward.StepEnded", run="r", data={"step": "db"}))
    assert slack.posted == []
    notices.tell_of_plan(PlanNotice(kind="Leeward.DrillMissed", plan="shop", data={}))
    assert [subject for _, subject in topic.events] == ["runs/r", "plans/shop"]
    assert [m.title for m in slack.posted] == ["A drill was missed"]
    assert slack.posted == teams.posted


def test_an_incident_is_told_where_people_talk() -> None:
    topic, slack = Topic(), Chat()
    told = {"plan": "shop", "region": "eastus", "run": "none: it only wants to be told", "why": WHY}
    Notices(topic, (slack,)).tell("Leeward.IncidentOpened", "incidents/shop-1", told)
    assert topic.events == [("Leeward.IncidentOpened", "incidents/shop-1")]
    (message,) = slack.posted
    assert (message.title, message.text) == ("An incident is believed", WHY)
    assert message.facts["Incident"] == "shop-1"
    assert message.facts["Run"] == told["run"]


def test_a_chat_that_is_ill_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    topic, ill, well = Topic(anybody=False), Chat(ill=True), Chat()
    notice = Notice(kind="Leeward.RunEnded", run="r", data={"because": "it serves"})
    assert Notices(topic, (ill, well)).announce(notice).told
    assert [m.text for m in well.posted] == ["it serves"]
    assert "Leeward.RunEnded of runs/r was not posted: the chat answered 503" in caplog.text
