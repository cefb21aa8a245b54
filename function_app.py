"""Leeward's table of contents: every trigger, orchestrator, activity and entity, and what they are made of."""

from __future__ import annotations

import os
from pathlib import Path

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
from activities.lookout import Lookout
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
from adapters.automation import AzureAutomation
from adapters.boundary import on_wire
from adapters.compute import AzureCompute
from adapters.egress import Egress
from adapters.event_topic import EventTopic
from adapters.evidence_pages import html, markdown
from adapters.evidence_store import evidence_at
from adapters.http_calls import HttpCalls
from adapters.identity import Identities
from adapters.kill_setting import EnvironmentKillSetting
from adapters.ledger import ledger_at
from adapters.people_file import people_at
from adapters.permissions import AzurePermissions
from adapters.plan_file import reader, write_plan
from adapters.plan_store import NoPlans, plans_at
from adapters.probes import NetworkProbes
from adapters.recovery_plans import AzureRecoveryPlans
from adapters.resources import AzureResources
from adapters.settings import Settings
from adapters.signal_record import record_at
from adapters.site_recovery import AzureSiteRecovery
from adapters.slack import Slack
from adapters.teams import Teams
from adapters.tokens import EntraTokens
from adapters.traffic_manager import AzureTrafficManager
from adapters.vault_setup import AzureVaultSetup
from adapters.wire_log import keep_paths_out_of_logs
from domain.caller import Role
from domain.quorum import HERE
from entities.book import book
from entities.desk import desk
from entities.estate import estate
from entities.kill_switch import kill_switch
from entities.lock import lock
from entities.region import region
from orchestrators.approval import await_decision
from orchestrators.asr_watch import watch_plan
from orchestrators.calendar import keep_calendar
from orchestrators.chains import move_chain
from orchestrators.drill import drill
from orchestrators.failback import fail_back
from orchestrators.failover import fail_over
from orchestrators.lookout import watch_region
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
from triggers.alerts import Alerts
from triggers.api import Api
from triggers.approval_page import show_approval
from triggers.asr_plans import AsrPlans
from triggers.chat import Chat
from triggers.chat_requests import ChatRequests
from triggers.door import Door
from triggers.duty import Duty
from triggers.kill_switch import KillSwitch
from triggers.lookout import Incidents
from triggers.openapi import ApiRoutes
from triggers.pace import Pace
from triggers.plan_views import PlanViews
from triggers.run_list import list_runs
from triggers.schedules import Schedules
from triggers.watchdog import Watchdog

keep_paths_out_of_logs()
settings = Settings.read(os.environ, Path(__file__).parent)
identities = Identities.of(
    settings.arm_endpoint,
    settings.arm_audience,
    observe=settings.observe_client_id,
    drill=settings.drill_client_id,
    failover=settings.failover_client_id,
)
vault = AzureSiteRecovery(identities)
profiles = AzureTrafficManager(identities)
read_plan = reader(settings.bounds)
plans = plans_at(settings.plan_store, identities.observe.credential, read_plan)
# What the app looks after by itself: an app that stands by, nothing.
charges = NoPlans() if settings.standby else plans
evidence = evidence_at(settings.evidence_store, identities.observe.credential)
ledger = ledger_at(settings.ledger, identities.observe.credential)
acting = Acting(ledger, settings.app)

recovery_plans = AzureRecoveryPlans(identities)
recovery = Recovery(vault)
driver = PlanDriver(vault, recovery_plans)
groundwork = Groundwork(AzureVaultSetup(identities), vault)
points = Points(vault)
shelf = PlanShelf(plans)
kill_setting = EnvironmentKillSetting(os.environ)
guardrails = Guardrails(kill_setting)
resources = AzureResources(identities.observe)
drills = Drills(vault, resources)
survey = Survey(vault, resources)
reprotection = Reprotection(vault, AzureVaultSetup(identities), resources)
permissions = AzurePermissions(identities)
preflight = Preflight(vault, profiles, permissions, settings.places)
egress = Egress(settings.probe_proxy, bounds=settings.bounds)
probes = NetworkProbes(egress, settings.resolvers)
vantage_points = {
    point: NetworkProbes(Egress(proxy, bounds=settings.bounds), settings.resolvers)
    for point, proxy in settings.vantage_points
}
health = Health(probes, AzureCompute(identities.observe))
lookout = Lookout(charges, {HERE: probes, **vantage_points}, profiles, vault)
traffic = Traffic(profiles)
actions = Actions(HttpCalls(egress, settings.action_secrets), AzureAutomation(identities))
calendar = Calendar(charges, ledger, acting)
sweep = Sweep(charges, ledger, vault, profiles, permissions, settings.places)
findings = Findings(ledger)
archive = Archive(evidence, markdown, html)
topic = EventTopic(identities.observe, settings.event_topic)
to_chats = Egress(settings.probe_proxy)  # no plan names them, so that REACH is not about them
slack = Slack(settings.chat.slack_secret, settings.chat.slack_webhook, to_chats)
teams = Teams(
    settings.chat.teams_secret,
    settings.chat.teams_webhook,
    settings.chat.public_url,
    to_chats,
)
notices = Notices(topic, (slack, teams))
record = record_at(settings.evidence_store, identities.observe.credential)

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

for orchestrator in (
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
    watch_region,
    keep_calendar,
    keep_readiness,
    judge_runs,
):
    app.orchestration_trigger(context_name="context")(orchestrator)

# These change something: each first holds to the claim that its run acts by.
for activity in (
    on_wire(recovery.start_wave, acting.hold_to),
    on_wire(recovery.cancel_wave, acting.hold_to),
    on_wire(driver.start_plan, acting.hold_to),
    on_wire(driver.resume_plan, acting.hold_to),
    on_wire(driver.cancel_plan, acting.hold_to),
    on_wire(groundwork.ensure_pieces, acting.hold_to),
    on_wire(groundwork.settle_items, acting.hold_to),
    on_wire(traffic.set_endpoint, acting.hold_to),
    on_wire(actions.call_http, acting.hold_to),
    on_wire(actions.start_runbook, acting.hold_to),
    on_wire(actions.stop_runbook, acting.hold_to),
):
    app.activity_trigger(input_name="payload")(activity)

for activity in (
    on_wire(acting.claim_application),
    on_wire(acting.leave_application),
    on_wire(recovery.check_wave),
    on_wire(driver.look_at_plans),
    on_wire(driver.check_plan),
    on_wire(reprotection.prepare_reprotection),
    on_wire(drills.set_scene),
    on_wire(drills.look_for_leftovers),
    on_wire(points.choose_points),
    on_wire(survey.survey_protection),
    on_wire(preflight.assess_readiness),
    on_wire(shelf.look_up_plan),
    on_wire(guardrails.look_at_guardrails),
    on_wire(health.probe_round),
    on_wire(health.look_at_source),
    on_wire(health.look_at_path),
    on_wire(lookout.look_around),
    on_wire(traffic.read_profile),
    on_wire(actions.check_runbook),
    on_wire(archive.seal_evidence),
    on_wire(notices.announce),
    on_wire(notices.tell_of_plan),
    on_wire(calendar.look_up_periods),
    on_wire(calendar.claim_period),
    on_wire(calendar.note_period),
    on_wire(sweep.sweep_readiness),
    on_wire(sweep.note_change),
    on_wire(findings.look_for_finding),
    on_wire(findings.enter_finding),
):
    app.activity_trigger(input_name="payload")(activity)

for entity in (lock, desk, region, book, kill_switch, estate):
    app.entity_trigger(context_name="context")(entity)

alerts = Alerts(plans, record)
incidents = Incidents(plans, record, notices, acting)
api = Api(plans, evidence, acting)
asr_plans = AsrPlans(plans, recovery_plans, vault, read_plan, write_plan, acting)
plan_views = PlanViews(plans, preflight, acting)
schedules = Schedules(plans, ledger)
people = people_at(settings.chat.people, identities.observe.credential)
chat = Chat(ChatRequests(api, plan_views), people, ledger, slack, teams)
watchdog = Watchdog(plans, ledger, acting)
duty = Duty(plans, acting, settings.standby)
switch = KillSwitch(kill_setting)

tokens = EntraTokens(settings.entra_authority, settings.entra_tenant, settings.entra_client_id)
tokens.warm()
door = Door(tokens, Pace(settings.requests_per_minute), duty.stance)

app.event_grid_trigger(arg_name="event")(
    app.durable_client_input(client_name="client")(alerts.on_health_event)
)
for schedule, beat in (
    ("*/15 * * * * *", duty.alone(incidents.on_watch)),
    ("0 0 * * * *", duty.alone(schedules.keep_calendars)),
    ("15 */5 * * * *", duty.alone(schedules.keep_sweep)),
    ("30 */5 * * * *", watchdog.watch_runs),
):
    app.timer_trigger(arg_name="timer", schedule=schedule)(
        app.durable_client_input(client_name="client")(beat)
    )
routes = ApiRoutes(app)
for method, route, read in (
    ("GET", "openapi.json", routes.show_api),
    ("GET", "plans", plan_views.list_plans),
    ("GET", "readiness", schedules.show_verdicts),
    ("GET", "findings", watchdog.show_findings),
    ("GET", "acting", duty.show_acting),
    ("GET", "plans/{plan}/diff", asr_plans.show_drift),
    ("GET", "runs/{id}/evidence", api.show_evidence),
    ("POST", "plans/check", asr_plans.check_plan_file),
    ("POST", "plans/import", asr_plans.import_plan),
):
    routes.add(method, route, door.reads(read))
for route, show in (
    ("plans/{plan}", plan_views.show_plan),
    ("plans/{plan}/readiness", plan_views.show_readiness),
    ("schedules", schedules.show),
    ("runs", list_runs),
    ("runs/{id}", api.show_run),
    ("signals/{region}", incidents.show_signals),
    ("kill-switch", switch.show_kill_switch),
):
    routes.add("GET", route, door.shows(show))
for method, route, handle in (
    ("GET", "approval/{id}", show_approval),
    ("POST", "chat/slack", chat.on_slack),
    ("POST", "chat/teams", chat.on_teams),
):
    routes.add(method, route, door.opens(handle))
for route, role, act in (
    ("alerts", Role.SIGNAL, alerts.on_alert),
    ("plans/{plan}/{verb}", Role.OPERATE, api.request_run),
    ("plans/{plan}/push", Role.OPERATE, asr_plans.push_plan),
    ("runs/{id}/decisions", Role.APPROVE, api.decide),
    ("runs/{id}/controls", Role.OPERATE, api.control),
    ("kill-switch", Role.OPERATE, switch.set_kill_switch),
):
    routes.add("POST", route, door.acts(role, act))
