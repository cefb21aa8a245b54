"""The kill switch over HTTP: show it, and pull or release it with a reason."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Protocol

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field, StringConstraints

from domain.caller import Caller
from domain.guardrails import Pulled, judge_switch
from domain.model import Model
from orchestrators.names import KILL_SWITCH
from triggers.answers import KillSwitchSet, KillSwitchShown
from triggers.operation import example, operation
from triggers.runs import entity_id
from triggers.web import answer, problem, read_model

READ_WITHIN_SECONDS = 3.0
log = logging.getLogger("leeward.kill_switch")


class KillSetting(Protocol):
    """The kill switch among the app's settings."""

    def pulled(self) -> str | None:
        """Return what the setting says while it is on, None while it is off."""
        ...


class SwitchGiven(Model):
    """The body of a word about the kill switch."""

    model_config = example(on=True, reason="storage is slow; nothing may move by itself")

    on: bool
    reason: Annotated[str, Field(max_length=500), StringConstraints(pattern=r"\S")]


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Two switches, and either keeps every run from moving by itself; people's runs go on all the same."""

    setting: KillSetting

    @operation({HTTPStatus.OK: KillSwitchShown})
    async def show_kill_switch(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Show where both switches stand; one that cannot be read in time counts as on."""
        pulled = await self._pulled(client)
        setting = self.setting.pulled()
        found = judge_switch(setting, pulled, read=True)
        shown = KillSwitchShown(on=found.veto, says=found.says, setting=setting, switch=pulled)
        return answer(shown)

    @operation({HTTPStatus.ACCEPTED: KillSwitchSet}, body=SwitchGiven)
    async def set_kill_switch(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Pull or release the switch that people reach: 202, or 503 when the word could not be kept."""
        given = read_model(req, SwitchGiven)
        said = Pulled(
            on=given.on, by=caller.name, by_id=caller.id, reason=given.reason, at=datetime.now(UTC)
        )
        try:
            await client.signal_entity(entity_id(KILL_SWITCH), "set", said.wire())
        except Exception:
            log.exception("the kill switch could not be set")
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the word could not be kept; set the app's setting KILL_SWITCH instead",
            )
        log.warning("%s set the kill switch to %s: %s", caller.name, given.on, given.reason)
        href = "/api/kill-switch"
        told = KillSwitchSet(on=given.on, href=href)
        if not given.on and self.setting.pulled() is not None:
            says = "the app's setting KILL_SWITCH still keeps every run from moving by itself"
            told = KillSwitchSet(on=False, href=href, says=says)
        return answer(told, HTTPStatus.ACCEPTED, location=href)

    async def _pulled(self, client: df.DurableOrchestrationClient) -> Pulled | None:
        try:
            asked = client.read_entity_state(entity_id(KILL_SWITCH))
            found = await asyncio.wait_for(asked, READ_WITHIN_SECONDS)
        except Exception:
            log.warning("the kill switch could not be read in time")
            return None
        return Pulled.model_validate(found.entity_state or {})
