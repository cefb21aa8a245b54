"""What is played on the stage: the real orchestrators and entities through the SDK, and the names of the activities."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from activities.acting import Acting
from activities.actions import Actions
from activities.calendar import Calendar
from activities.drill import Drills
from activities.evidence import Archive
from activities.findings import Findings
from activities.guardrails import Guardrails
from activities.health import Health
from activities.notices import Notices
from activities.plans import PlanShelf
from activities.points import Points
from activities.protection import Groundwork
from activities.readiness import Preflight
from activities.recovery import Recovery
from activities.recovery_plans import PlanDriver
from activities.reprotection import Reprotection
from activities.survey import Survey
from activities.sweep import Sweep
from activities.traffic import Traffic
from entities.book import book
from entities.desk import desk
from entities.estate import estate
from entities.kill_switch import kill_switch
from entities.lock import lock
from entities.region import region
from local.host.contract import FunctionFailed
from local.host.sdk import hush_notices, remember_timestamps
from orchestrators.approval import await_decision
from orchestrators.asr_watch import watch_plan
from orchestrators.calendar import keep_calendar
from orchestrators.chains import move_chain
from orchestrators.drill import drill
from orchestrators.failback import fail_back
from orchestrators.failover import fail_over
from orchestrators.protection import protect
from orchestrators.reprotect import reprotect
from orchestrators.round_trip import round_trip
from orchestrators.stuck import await_word
from orchestrators.sweep import keep_readiness
from orchestrators.tier import move_tier
from orchestrators.traffic import shift_traffic
from orchestrators.umbrella import move_application, umbrella
from orchestrators.watch import watch_wave
from orchestrators.watchdog import judge_runs
from orchestrators.window import commit_failover

RUNBOOKS = (
    fail_over,
    fail_back,
    round_trip,
    drill,
    reprotect,
    commit_failover,
    protect,
    umbrella,
    move_application,
    move_chain,
    move_tier,
    watch_wave,
    watch_plan,
    await_decision,
    await_word,
    shift_traffic,
    keep_calendar,
    keep_readiness,
    judge_runs,
)
DESKS = (lock, desk, region, book, kill_switch, estate)
PLAYED = (
    Acting.claim_application,
    Acting.leave_application,
    Recovery.start_wave,
    Recovery.check_wave,
    Recovery.cancel_wave,
    PlanDriver.look_at_plans,
    PlanDriver.start_plan,
    PlanDriver.check_plan,
    PlanDriver.resume_plan,
    PlanDriver.cancel_plan,
    Survey.survey_protection,
    Groundwork.ensure_pieces,
    Groundwork.settle_items,
    Drills.set_scene,
    Drills.look_for_leftovers,
    Points.choose_points,
    Reprotection.prepare_reprotection,
    Preflight.assess_readiness,
    PlanShelf.look_up_plan,
    Guardrails.look_at_guardrails,
    Health.probe_round,
    Health.look_at_source,
    Health.look_at_path,
    Traffic.read_profile,
    Traffic.set_endpoint,
    Actions.call_http,
    Actions.start_runbook,
    Actions.check_runbook,
    Actions.stop_runbook,
    Archive.seal_evidence,
    Notices.announce,
    Notices.tell_of_plan,
    Calendar.look_up_periods,
    Calendar.claim_period,
    Calendar.note_period,
    Sweep.sweep_readiness,
    Sweep.note_change,
    Findings.look_for_finding,
    Findings.enter_finding,
)
# What changes something; function_app.py holds the same to the claims of their runs.
CHANGES = frozenset(
    {
        "start_wave",
        "cancel_wave",
        "start_plan",
        "resume_plan",
        "cancel_plan",
        "ensure_pieces",
        "settle_items",
        "set_endpoint",
        "call_http",
        "start_runbook",
        "stop_runbook",
    }
)


class StageApp:
    """Our orchestrators and entities through the SDK; activities by name from the script."""

    def __init__(self, play: Callable[[str, Any], Any]) -> None:
        hush_notices()
        remember_timestamps()
        app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
        for runbook in RUNBOOKS:
            app.orchestration_trigger(context_name="context")(runbook)
        for entity in DESKS:
            app.entity_trigger(context_name="context")(entity)
        self._functions = {
            f.get_function_name(): f.get_user_function() for f in app.get_functions()
        }
        self._play = play

    def durable_names(self) -> Mapping[str, frozenset[str]]:
        return {
            "orchestrator": frozenset(each.__name__ for each in RUNBOOKS),
            "entity": frozenset(each.__name__ for each in DESKS),
            "activity": frozenset(each.__name__ for each in PLAYED),
        }

    def run_orchestrator(self, name: str, context: str) -> str:
        return self._ask(name, func.OrchestrationContext(context))

    def run_entity(self, name: str, context: str) -> str:
        return self._ask(name, func.EntityContext(context))

    def run_activity(self, name: str, payload: str | None) -> str | None:
        try:
            return json.dumps(self._play(name, json.loads(payload or "null")))
        except Exception as error:
            raise _failed(error) from error

    def _ask(self, name: str, context: Any) -> str:
        try:
            return str(self._functions[name](context))
        except Exception as error:
            raise _failed(error) from error


def _failed(error: Exception) -> FunctionFailed:
    stack = "".join(traceback.format_exception(error))
    return FunctionFailed(f"{type(error).__name__}: {error}", stack)
