"""Every interleaving of what can happen to a question that two of up to four people must answer.

A word is a story: a letter is a person's approval (small) or rejection (capital), the same letter again is its second
delivery, `!` is the moment the question is asked (what stands before it came early), `#` the end of its time, `~` a
change of the ground. Who is who cannot matter, so people speak first in the order of the alphabet; all else is
enumerated. Each word is told in three ways: every bell is heard and people answer what is asked then; every bell is
heard and all answer the first question; no bell is heard and everything lies on the desk before the run looks.

The judge below knows the rules in its own words and nothing of the code's.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

from activities.evidence import Sealed
from activities.notices import Told
from activities.plans import PlanSeen
from domain.request import RunRequest
from domain.run import Readiness
from orchestrators.failover import fail_over
from orchestrators.names import bell
from tests.orchestrators.cast import BEFORE
from tests.orchestrators.hands import Hands
from tests.orchestrators.nights import night
from tests.orchestrators.stage import RUN

ASKED, TIME_UP, DRIFT = "!#~"
WAYS = ("fresh", "stale", "unheard")
PEOPLE = "abcd"
NAMES = dict(zip(PEOPLE, ("bob", "carol", "dave", "erin"), strict=True))
PLAN = night(approval={"required": True, "approvers": 2, "within": "PT15S"})
REQUEST = RunRequest(plan=PLAN, requested_by="alice", reason="a test")
AWAY = BEFORE.model_copy(
    update={
        "endpoints": (
            BEFORE.endpoints[0],
            BEFORE.endpoints[1].model_copy(update={"target": "elsewhere.example.com"}),
        )
    }
)
GROUND = [Readiness(ready=True, profile=seen).wire() for seen in (BEFORE, AWAY)]
SAID = {
    "look_up_plan": lambda: PlanSeen().wire(),
    "announce": lambda: Told(told=True).wire(),
    "seal_evidence": lambda: Sealed(sha256="0" * 64).wire(),
}
# By the words of the desk: why an answer does not count.
WHY = {
    "this run asks nothing": "early",
    "the decision is about another digest": "foreign",
    "has approved already": "twice",
    "was decided by": "late",
    "is closed": "late",
}
Said = tuple[str, str]


def words(people: int) -> Iterator[str]:
    """Yield every story of so many people who say one thing each, one of which may be delivered twice."""
    for verdicts in product((str.lower, str.upper), repeat=people):
        spoken = "".join(say(each) for say, each in zip(verdicts, PEOPLE, strict=False))
        for said in {spoken, *_with_second(spoken)}:
            for asked in _with(said, ASKED):
                begun = asked.index(ASKED) + 1
                for timed in _with(asked, TIME_UP, begun):
                    yield timed
                    yield from _with(timed, DRIFT)


def _with(word: str, letter: str, first: int = 0) -> Iterator[str]:
    return (word[:at] + letter + word[at:] for at in range(first, len(word) + 1))


def _with_second(word: str) -> Iterator[str]:
    for at, letter in enumerate(word):
        yield from _with(word, letter, at + 1)


@dataclass
class Judge:
    """What must come of a story, letter by letter."""

    way: str
    question: int = 0
    open: bool = False
    agreed: list[str] = field(default_factory=list)
    verdict: str | None = None
    drifted: bool = False
    end: str | None = None
    spoken: dict[str, int] = field(default_factory=dict)
    counted: list[Said] = field(default_factory=list)
    aside: list[Said] = field(default_factory=list)

    def hears(self, letter: str) -> None:
        """Take the next letter in."""
        if letter == ASKED:
            self.question, self.open, self.drifted = 1, True, False
        elif letter == DRIFT:
            self.drifted = True
        elif letter == TIME_UP:
            if self.end is None:
                self.open = False
                self.looks(time_up=True)
        else:
            self._answer(letter)
        if self.way != "unheard":
            self.looks()

    def _answer(self, letter: str) -> None:
        asked = max(1, self.question) if self.way != "stale" else 1
        about = self.spoken.setdefault(letter, asked)
        said = (NAMES[letter.lower()], "approve" if letter.islower() else "reject")
        if self.question == 0:
            self.aside.append((said[0], "early"))
        elif about != self.question:
            self.aside.append((said[0], "foreign"))
        elif self.verdict or not self.open:
            self.aside.append((said[0], "late"))
        elif letter.islower() and letter in self.agreed:
            self.aside.append((said[0], "twice"))
        else:
            self.counted.append(said)
            if letter.isupper():
                self.verdict = "reject"
            else:
                self.agreed.append(letter)
                self.verdict = "approve" if len(self.agreed) == 2 else None

    def looks(self, time_up: bool = False) -> None:
        """Let the run look at its desk, and act upon what lies there."""
        if self.question == 0 or self.end:
            return
        if self.verdict == "reject":
            self.end = "rejected"
        elif self.verdict == "approve" and self.drifted:
            self.question, self.open, self.verdict, self.drifted = (
                self.question + 1,
                True,
                None,
                False,
            )
            self.agreed = []
        elif self.verdict == "approve":
            self.end = "moved"
        elif time_up:
            self.end = "expired"
        if self.end:
            self.open = False


@dataclass
class Tale:
    """A story as it happens to the run."""

    word: str
    way: str
    at: int = 0
    hands: Hands = field(init=False)
    drifted: bool = False
    letters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        script = {"assess_readiness": lambda: GROUND[self.drifted], **SAID}
        self.hands = Hands(self, script=script)

    @property
    def desk(self) -> dict[str, Any]:
        """Return the run's desk."""
        state: dict[str, Any] = self.hands.entities.get(("desk", RUN)) or {"gates": {}}
        return state

    def told(self) -> str:
        """Let it happen until the run has ended, and return how it ended."""
        while self.word[self.at] != ASKED:
            self._happen()
        self.at += 1
        answer = self.hands.conduct(fail_over, RUN, REQUEST.wire())
        if "move_tier" in self.hands.children:
            return "moved"
        assert answer["outcome"] == "DECLINED", answer
        return "rejected" if "rejected" in answer["because"] else "expired"

    def goes_on(self, until: datetime) -> bool:
        left = self.word[self.at :]
        last_look = until == datetime.fromisoformat(self.hands.asked["until"])
        if not left or left[0] == TIME_UP or self.hands.time + timedelta(seconds=1) >= until:
            return False
        if self.way == "unheard" and TIME_UP in left and not last_look:
            return False
        self.hands.time += timedelta(seconds=1)
        self._happen()
        return True

    def closed(self) -> None:
        if self.word[self.at : self.at + 1] == TIME_UP:
            self.at += 1

    def _happen(self) -> None:
        letter = self.word[self.at]
        self.at += 1
        if letter == DRIFT:
            self.drifted = True
        else:
            self.deliver(letter)

    def deliver(self, letter: str) -> None:
        """Lay an answer on the desk, and ring."""
        gate = self.desk["gates"].get("approval")
        if letter not in self.letters:
            first = digest_of_the_first(DRIFT in self.word.partition(ASKED)[0])
            self.letters[letter] = {
                "gate": "approval",
                "verdict": "approve" if letter.islower() else "reject",
                "by": NAMES[letter.lower()],
                "digest": gate["digest"] if gate and self.way != "stale" else first,
                "at": None,
            }
        self.hands.ask("desk", RUN, "decide", self.letters[letter])
        rings = gate["rings"] + 1 if gate else 0
        counted = gate and self.desk["gates"]["approval"]["rings"] == rings
        if gate and counted and self.way != "unheard":
            self.hands.rung.add((gate["bell"], bell("approval", rings)))


@cache
def digest_of_the_first(drifted: bool) -> str:
    """Return the digest of the first question; whoever comes early may have worked it out."""
    tale = Tale(f"{DRIFT if drifted else ''}{ASKED}{TIME_UP}", "fresh")
    tale.told()
    return str(tale.desk["gates"]["approval"]["digest"])


def on_the_desk(state: dict[str, Any]) -> tuple[list[Said], list[Said]]:
    """Return what counted and what did not, in order, each once."""
    gate = state["gates"]["approval"]
    rounds = [*gate["former"], gate]
    counted = [answer for each in rounds for answer in each["approvals"]]
    counted += [
        r["decision"] for r in rounds if r["decision"] and r["decision"]["verdict"] == "reject"
    ]
    aside = [(each["by"], _why(each["because"])) for each in state["refused"]]
    return [(each["by"], each["verdict"]) for each in counted], aside


def _why(because: str) -> str:
    return next(kind for words, kind in WHY.items() if words in because)


def judged(word: str, way: str) -> Judge:
    """Return the judgement of a whole story."""
    judge = Judge(way)
    for letter in word:
        judge.hears(letter)
    judge.looks()
    judge.open = judge.open and judge.end is not None
    judge.looks(time_up=True)
    return judge


class Telling:
    """Tells stories in the order of the alphabet: what two have in common from their beginning happens once."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.runs = 0
        self._tale: Tale | None = None
        self._end = ""
        self._known: list[tuple[str, Any, dict[str, Any]]] = []
        """What has been told since the run ended: each story so far, its desk, and who had spoken."""

    def tell(self, word: str) -> tuple[str, dict[str, Any]]:
        """Return how a story ended, and the desk as it then was."""
        tale = self._tale
        if tale is None or tale.at == len(tale.word) or not word.startswith(tale.word[: tale.at]):
            tale = self._tale = Tale(word, self.way)
            self._end = tale.told()
            self.runs += 1
            self._known = [(word[: tale.at], tale.desk, tale.letters)]
            check_evidence(tale, self._end)
        while not word.startswith(self._known[-1][0]):
            self._known.pop()
        for at in range(len(self._known[-1][0]), len(word)):
            self._known.append(self._after(word, at))
        return self._end, self._known[-1][1]

    def _after(self, word: str, at: int) -> tuple[str, Any, dict[str, Any]]:
        """Let one more letter happen after the run has ended."""
        _, desk, letters = self._known[-1]
        if word[at] not in (TIME_UP, DRIFT):
            tail = Tale(word, self.way, at, letters=dict(letters))
            tail.hands.entities["desk", RUN] = desk
            tail.deliver(word[at])
            desk, letters = tail.desk, tail.letters
        return word[: at + 1], desk, letters


def check_evidence(tale: Tale, end: str) -> None:
    """The record has every answer that came until the run ended: those that counted, and those that did not."""
    evidence = tale.hands.request("seal_evidence")["evidence"]
    decisions, set_aside = evidence["decisions"], evidence["setAside"]
    counted, aside = on_the_desk(tale.desk)
    assert Counter((d["by"], d["verdict"]) for d in decisions) == Counter(counted)
    assert [(d["by"], _why(d["because"])) for d in set_aside] == aside
    assert all(d["at"] for d in (*decisions, *set_aside))
    passages = {"moved": "approved", "rejected": "rejected", "expired": "expired"}
    assert evidence["approvals"][-1]["passage"] == passages[end]
    assert all(each["passage"] == "voided" for each in evidence["approvals"][:-1])


def tell_all(way: str, people: Iterable[int], first: int = 0, step: int = 1) -> Counter[str | None]:
    """Tell the stories of so many people in one way, hold each against the judge, and return how they ended.

    Every one of them, or from the ``first`` on each ``step``-th.
    """
    telling, ends = Telling(way), Counter[str | None]()
    for word in sorted({word for many in people for word in words(many)})[first::step]:
        judge = judged(word, way)
        end, desk = telling.tell(word)
        counted, aside = on_the_desk(desk)
        assert end == judge.end, word
        assert Counter(counted) == Counter(judge.counted), word
        assert aside == judge.aside, word
        assert len(counted) + len(aside) == sum(letter.isalpha() for letter in word), word
        ends[end] += 1
    return ends


def main() -> int:
    """Tell every story of up to four people in every way: a story that comes out wrong ends it."""
    told = 0
    for way in WAYS:
        ends = tell_all(way, range(1, 5))
        told += ends.total()
        sys.stdout.write(f"{way}: {dict(ends)}\n")
    sys.stdout.write(f"interleavings={told} wrong=0\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
