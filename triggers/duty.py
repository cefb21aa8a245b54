"""Whether this app is on duty or stands by, and who acts on what: what a person asks first when two apps are there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import azure.durable_functions as df
import azure.functions as func

from domain.acting import Held
from domain.errors import Transient
from triggers.answers import ActingOn, ActingShown
from triggers.operation import operation
from triggers.runs import Claims, Plans
from triggers.web import answer, problem

Beat = Callable[[func.TimerRequest, df.DurableOrchestrationClient], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Duty:
    """Keeps an app that stands by from doing anything by itself; what people ask of it, it does."""

    plans: Plans
    claims: Claims
    standby: bool

    @property
    def stance(self) -> Literal["active", "standby"]:
        """Return the app's stance in a word."""
        return "standby" if self.standby else "active"

    def alone(self, beat: Beat) -> Beat:
        """Return the beat of a timer that starts things by itself: it does nothing while the app stands by."""

        async def guarded(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
            if not self.standby:
                await beat(timer, client)

        # Not functools.wraps: through __wrapped__ the worker would see the inner signature.
        guarded.__name__ = beat.__name__
        guarded.__doc__ = beat.__doc__
        return guarded

    @operation({HTTPStatus.OK: ActingShown})
    def show_acting(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return the app's name and stance, and who acts on each application, in whichever app."""
        applications = sorted({plan.app for plan in self.plans.valid()})
        try:
            acting = {each: _shown(self.claims.holder(each)) for each in applications}
        except Transient as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.message)
        return answer(ActingShown(app=self.claims.app, stance=self.stance, acting=acting))


def _shown(held: Held | None) -> ActingOn | None:
    if held is None:
        return None
    entry = held.entry
    return ActingOn(
        token=held.claim.token,
        app=entry.app if entry else None,
        run=entry.run if entry else None,
        since=entry.at if entry else None,
    )
