"""Every activity is known either to change nothing of an application, or to hold to its run's claim first."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.orchestrators.playbill import CHANGES

ROOT = Path(__file__).parents[1]
# What reads Azure, or writes to what is Leeward's own; whoever adds an activity says here or in CHANGES which it is.
CHANGES_NOTHING = {
    "announce",
    "assess_readiness",
    "check_plan",
    "check_runbook",
    "check_wave",
    "choose_points",
    "claim_application",
    "claim_period",
    "enter_finding",
    "leave_application",
    "look_around",
    "look_at_guardrails",
    "look_at_path",
    "look_at_plans",
    "look_at_source",
    "look_for_finding",
    "look_for_leftovers",
    "look_up_periods",
    "look_up_plan",
    "note_change",
    "note_period",
    "prepare_reprotection",
    "probe_round",
    "read_profile",
    "seal_evidence",
    "set_scene",
    "survey_protection",
    "sweep_readiness",
    "tell_of_plan",
}


def registered(source: str) -> dict[str, bool]:
    """Return the activities that a composition root registers, and whether each holds to a claim first."""
    return {
        call.args[0].attr: [ast.unparse(more) for more in call.args[1:]] == ["acting.hold_to"]
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "on_wire"
        and isinstance(call.args[0], ast.Attribute)
    }


def test_whatever_changes_something_holds_to_its_claim_first() -> None:
    found = registered((ROOT / "function_app.py").read_text(encoding="utf-8"))
    assert {name for name, holds in found.items() if holds} == CHANGES
    assert {name for name, holds in found.items() if not holds} == CHANGES_NOTHING


def test_the_guard_sees_a_forgotten_claim() -> None:
    source = "on_wire(traffic.set_endpoint)\non_wire(recovery.start_wave, acting.hold_to)"
    assert registered(source) == {"set_endpoint": False, "start_wave": True}
