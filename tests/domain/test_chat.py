"""A line of a chat is understood as a whole or not at all, and a notice says what a person needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat import USAGE, Asked, ChatVerb, Misunderstood, notice_of, question_of, understand
from domain.request import Mode

RUN = "failover-shop-20261122-201500-4f1c"
DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("", Asked(verb=ChatVerb.HELP)),
        ("  Plans ", Asked(verb=ChatVerb.PLANS)),
        ("status", Asked(verb=ChatVerb.STATUS)),
        (f"status {RUN}", Asked(verb=ChatVerb.STATUS, name=RUN)),
        ("failover shop", Asked(verb=ChatVerb.FAILOVER, name="shop")),
        (
            "failover shop graceful because the  power goes",
            Asked(verb=ChatVerb.FAILOVER, name="shop", mode=Mode.GRACEFUL, reason="the power goes"),
        ),
        (
            "drill shop because it is Sunday",
            Asked(verb=ChatVerb.DRILL, name="shop", reason="it is Sunday"),
        ),
        (f"approve {RUN} 01234567", Asked(verb=ChatVerb.APPROVE, name=RUN, digest="01234567")),
        (f"reject {RUN} {DIGEST.upper()}", Asked(verb=ChatVerb.REJECT, name=RUN, digest=DIGEST)),
        (f"pause {RUN}", Asked(verb=ChatVerb.PAUSE, name=RUN)),
    ],
)
def test_a_line_is_understood(line: str, asked: Asked) -> None:
    assert understand(line) == asked


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("explode", "explode is not understood"),
        ("failover", USAGE[ChatVerb.FAILOVER]),
        ("failover ../shop", USAGE[ChatVerb.FAILOVER]),
        ("failover shop quickly", USAGE[ChatVerb.FAILOVER]),
        ("failover shop forced now", USAGE[ChatVerb.FAILOVER]),
        ("drill shop forced", USAGE[ChatVerb.DRILL]),
        (f"approve {RUN}", "give the digest"),
        (f"approve {RUN} 0123456", "give the digest"),
        (f"approve {RUN} 0123456g", "give the digest"),
        ("cancel run/../other", USAGE[ChatVerb.CANCEL]),
        ("plans shop", USAGE[ChatVerb.PLANS]),
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_told_how_it_goes(line: str, told: str) -> None:
    with pytest.raises(Misunderstood, match=told.replace("[", r"\[").replace("|", r"\|")):
        understand(line)


@given(st.text(max_size=600))
def test_whatever_is_typed_is_understood_or_explained(line: str) -> None:
    try:
        asked = understand(line)
    except Misunderstood as error:
        assert str(error)
    else:
        assert asked.name is None or len(asked.name) <= 100


def test_a_question_has_a_button_for_each_answer_bound_to_the_digest() -> None:
    message = question_of(
        RUN, {"gate": "approval", "digest": DIGEST, "until": "22:00", "says": "move it?"}
    )
    assert [(b.text, b.value["verdict"]) for b in message.buttons] == [
        ("Approve", "approve"),
        ("Reject", "reject"),
    ]
    assert all(
        b.value["digest"] == DIGEST and b.path == f"/api/approval/{RUN}" for b in message.buttons
    )
    assert message.facts["Digest"] == DIGEST[:16]


def test_a_chat_is_told_what_matters_and_spared_the_rest() -> None:
    ended = notice_of(
        "Leeward.RunEnded",
        f"runs/{RUN}",
        {"outcome": "PARTIAL", "because": "db failed", "evidenceSha256": None},
    )
    assert ended is not None
    assert (ended.text, ended.facts) == ("db failed", {"Run": RUN, "Outcome": "PARTIAL"})
    asked = notice_of(
        "Leeward.DecisionNeeded", f"runs/{RUN}", {"gate": "approval", "digest": DIGEST}
    )
    assert asked is not None and len(asked.buttons) == 2
    assert notice_of("Leeward.StepEnded", f"runs/{RUN}", {"step": "db"}) is None
