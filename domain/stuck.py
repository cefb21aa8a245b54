"""Steps that wait for a person's word: to be tried again, to be gone on without, or to be let be.

A word counts if its step waits for one, and it is the first; so none is doubled or meant for another turn of the step.
"""

from __future__ import annotations

from typing import Any

State = dict[str, Any]


def wait_for_word(state: State, step: str, bell: str) -> State:
    """Let a step wait for a word, and ring where it is waited for; the same question twice is one."""
    known = _step(state, step)
    if known and known["bell"] == bell:
        return state
    return _with(state, step, {"bell": bell, "open": True, "word": None})


def no_more_words(state: State, step: str) -> State:
    """Let a step wait no longer; words that come now are late."""
    known = _step(state, step)
    return state if known is None else _with(state, step, {**known, "open": False})


def take_word(state: State, word: dict[str, Any]) -> State:
    """Give a step the word that it waits for; the caller has asked for objections."""
    step = word["step"]
    return _with(state, step, {**state["stuck"][step], "open": False, "word": word})


def objection_to_word(state: State, word: dict[str, Any]) -> str | None:
    """Return why a retry, a skip or a stop would change nothing, or None if it would."""
    step = word.get("step")
    waiting = [name for name, each in state.get("stuck", {}).items() if each["open"]]
    known = _step(state, step) if step else None
    if known and known["open"]:
        return None
    if known and known["word"]:
        return f"{known['word']['by']} has said {known['word']['verb']} to step {step} already"
    if waiting:
        return f"step {step} does not wait for a word; name one that does: {', '.join(waiting)}"
    return "no step of this run waits for a word"


def word_for(state: State, step: str | None) -> dict[str, Any] | None:
    """Return the word that a step was given."""
    known = _step(state, step) if step else None
    word: dict[str, Any] | None = known["word"] if known else None
    return word


def _step(state: State, step: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = state.get("stuck", {}).get(step)
    return found


def _with(state: State, step: str, stands: dict[str, Any]) -> State:
    return {**state, "stuck": {**state.get("stuck", {}), step: stands}}
