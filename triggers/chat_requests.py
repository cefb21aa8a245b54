"""What a chat asks for, put to the HTTP API's own handlers, and their answers in a chat's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from domain.caller import Caller, Role
from domain.chat import NEEDS, USAGE, Asked, ChatVerb, Message, question_of
from domain.run import Verdict
from triggers.api import Api
from triggers.plan_views import PlanViews
from triggers.run_list import list_runs

SHOWN_RUNS = 5
SHOWN_FACTS = 3
Client = df.DurableOrchestrationClient
VERDICTS = {ChatVerb.APPROVE: Verdict.APPROVE, ChatVerb.REJECT: Verdict.REJECT}


@dataclass(frozen=True, slots=True)
class ChatRequests:
    """Puts requests to the API in the name of a caller, whose role is asked for first."""

    api: Api
    views: PlanViews

    async def carry_out(self, asked: Asked, caller: Caller, client: Client) -> Message:
        """Do what was asked for, or say why not."""
        need = NEEDS.get(asked.verb)
        objection = caller.objection_to(need) if need else None
        if objection:
            return Message(title="Not done", text=objection)
        match asked.verb:
            case ChatVerb.HELP:
                return Message(title="What Leeward understands", text="; ".join(USAGE.values()))
            case ChatVerb.PLANS:
                return _plans(_read(self.views.list_plans(_request("GET"))))
            case ChatVerb.STATUS if asked.name is None:
                shown = await list_runs(_request("GET", params={"limit": str(SHOWN_RUNS)}), client)
                return _runs(_read(shown))
            case ChatVerb.STATUS:
                return await self._status(str(asked.name), client)
            case ChatVerb.FAILOVER | ChatVerb.DRILL:
                return await self._start(asked, caller, client)
            case ChatVerb.APPROVE | ChatVerb.REJECT:
                return await self._answer(asked, caller, client)
            case _:
                return await self._control(asked, caller, client)

    async def decide(
        self, run: str, gate: str, digest: str, verdict: Verdict, caller: Caller, client: Client
    ) -> Message:
        """Lay a decision on the run's desk, or say why it does not count."""
        objection = caller.objection_to(Role.APPROVE)
        if objection:
            return Message(title="Not done", text=objection)
        body = {"gate": gate, "verdict": verdict.value, "digest": digest}
        response = await self.api.decide(_request("POST", body, id=run), client, caller)
        done = f"{caller.name} said {verdict.value} at gate {gate}"
        return _done(response, done, {"Run": run})

    async def _status(self, run: str, client: Client) -> Message:
        response = await self.api.show_run(_request("GET", id=run), client)
        shown = _read(response)
        if response.status_code != HTTPStatus.OK.value:
            return Message(title="Not found", text=str(shown.get("detail", "")))
        waits = shown.get("waitsFor")
        if waits and waits.get("verbs"):
            words = ", ".join(waits["verbs"])
            facts = {"Step": str(waits["gate"]), "Words": words, "Until": str(waits["until"])}
            return Message(title=f"{run} waits for a word", text=str(waits["says"]), facts=facts)
        if waits:
            return question_of(run, waits)
        facts = {"State": shown["state"], "Step": shown.get("step", "")}
        if shown.get("outcome"):
            facts["Outcome"] = shown["outcome"]
        newest = "; ".join(str(fact["what"]) for fact in shown.get("facts", [])[-SHOWN_FACTS:])
        return Message(title=run, text=str(shown.get("because") or newest), facts=facts)

    async def _start(self, asked: Asked, caller: Caller, client: Client) -> Message:
        body: dict[str, Any] = {"reason": asked.reason or "asked for in a chat"}
        if asked.mode:
            body["mode"] = asked.mode.value
        request = _request("POST", body, plan=str(asked.name), verb=asked.verb.value)
        response = await self.api.request_run(request, client, caller)
        run = str(_read(response).get("run", ""))
        return _done(
            response, f"{caller.name} asked for a {asked.verb.value} of {asked.name}", {"Run": run}
        )

    async def _answer(self, asked: Asked, caller: Caller, client: Client) -> Message:
        """Answer a question whose digest was typed in part; a person who has not seen it does not know it."""
        run = str(asked.name)
        shown = _read(await self.api.show_run(_request("GET", id=run), client))
        waits = shown.get("waitsFor") or {}
        digest = str(waits.get("digest", ""))
        if not digest or not digest.startswith(str(asked.digest)):
            return Message(
                title="Not done",
                text=f"run {run} asks nothing about {asked.digest}; look at its status",
            )
        return await self.decide(
            run, str(waits["gate"]), digest, VERDICTS[asked.verb], caller, client
        )

    async def _control(self, asked: Asked, caller: Caller, client: Client) -> Message:
        request = _request("POST", {"verb": asked.verb.value}, id=str(asked.name))
        response = await self.api.control(request, client, caller)
        return _done(response, f"{caller.name} said {asked.verb.value}", {"Run": str(asked.name)})


def _request(
    method: str,
    body: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
    **parts: str,
) -> func.HttpRequest:
    return func.HttpRequest(
        method=method,
        url="/api/chat",
        headers={"Content-Type": "application/json"},
        params=params or {},
        route_params=parts,
        body=json.dumps(body).encode() if body is not None else b"",
    )


def _read(response: func.HttpResponse) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(response.get_body() or b"{}")
    return value


def _done(response: func.HttpResponse, text: str, facts: dict[str, str]) -> Message:
    said = _read(response)
    if response.status_code >= HTTPStatus.BAD_REQUEST.value:
        mistakes = "; ".join(str(one.get("what")) for one in said.get("mistakes", []))
        return Message(title="Not done", text=mistakes or str(said.get("detail", "")))
    return Message(title="Done", text=text, facts={k: v for k, v in facts.items() if v})


def _plans(said: dict[str, Any]) -> Message:
    facts = {str(plan["name"]): _in_short(plan) for plan in said.get("plans", [])}
    return Message(title="Plans", text="" if facts else "There are none.", facts=facts)


def _in_short(plan: dict[str, Any]) -> str:
    return str(plan.get("description") or ("valid" if plan.get("valid", True) else "not valid"))


def _runs(said: dict[str, Any]) -> Message:
    facts = {str(run["run"]): _standing(run) for run in said.get("runs", [])}
    return Message(
        title="The newest runs", text="" if facts else "There was none yet.", facts=facts
    )


def _standing(run: dict[str, Any]) -> str:
    parts = (run.get("state"), run.get("outcome") or run.get("step"))
    return " ".join(str(part) for part in parts if part)
