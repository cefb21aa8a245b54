from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.boundary import on_wire
from domain.errors import Permanent, Transient
from domain.model import Recorded
from domain.reply import Done, Refused, Reply


class Question(Recorded):
    wait: timedelta


class Answer(Recorded):
    twice: timedelta


@dataclass(frozen=True, slots=True)
class Steps:
    """A collaborator as activities have them."""

    error: Exception | None = None

    def double(self, question: Question) -> Answer:
        """Double it."""
        if self.error:
            raise self.error
        return Answer(twice=question.wait * 2)


def ask(error: Exception | None = None, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    return on_wire(Steps(error).double)(payload or {"wait": "PT2S"})


def test_an_activity_answers_in_plain_json() -> None:
    reply = ask()
    assert json.loads(json.dumps(reply)) == reply
    assert reply == {"kind": "done", "value": {"twice": "PT4S"}}
    assert Reply.validate_python(reply) == Done(value={"twice": "PT4S"})


def test_a_key_that_this_version_does_not_know_is_left_aside() -> None:
    assert ask(payload={"wait": "PT1S", "newer": 1})["value"] == {"twice": "PT2S"}


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (Permanent("gone", "not there"), Refused(code="gone", message="not there")),
        (Transient("busy", "later"), Refused(code="busy", message="later", transient=True)),
        (
            Transient("busy", "later", timedelta(seconds=7)),
            Refused(code="busy", message="later", transient=True, retry_after=timedelta(seconds=7)),
        ),
    ],
)
def test_a_foreseen_failure_is_an_answer(
    error: Exception, refused: Refused, caplog: pytest.LogCaptureFixture
) -> None:
    assert Reply.validate_python(ask(error)) == refused
    assert f"double was refused: {error}" in caplog.text


def test_anything_else_is_a_bug_and_shows() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(ZeroDivisionError())
    with pytest.raises(ValidationError):
        ask(payload={"wiat": "PT1S"})


def test_the_engine_sees_one_payload_and_the_activity_s_own_name() -> None:
    function = on_wire(Steps().double)
    assert function.__name__ == "double"
    assert function.__doc__ == "Double it."
    assert list(inspect.signature(function).parameters) == ["payload"]
    assert not hasattr(function, "__wrapped__")
