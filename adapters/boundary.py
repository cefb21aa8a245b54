"""The boundary between the engine's JSON and an activity's typed method."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from domain.errors import StepError, Transient
from domain.model import Model
from domain.reply import Done, Refused

In = TypeVar("In", bound=Model)
Out = TypeVar("Out", bound=Model)
log = logging.getLogger("leeward.activity")


def on_wire(
    activity: Callable[[In], Out], first: Callable[[In], None] | None = None
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the function that the engine calls: JSON in, a `Done` or `Refused` out.

    ``first`` sees the request before the activity does, and may refuse it. A StepError is an answer; anything else
    propagates, fails the instance and shows that there is a bug.
    """
    hints = get_type_hints(activity)
    request_type: type[In] = next(hint for name, hint in hints.items() if name != "return")

    def run(payload: dict[str, Any]) -> dict[str, Any]:
        try:
            request = request_type.model_validate(payload)
            if first is not None:
                first(request)
            return Done(value=activity(request).wire()).wire()
        except StepError as error:
            log.warning("%s was refused: %s", activity.__name__, error)
            return _refusal(error).wire()

    # Not functools.wraps: through __wrapped__ the worker would see the inner signature.
    run.__name__ = activity.__name__
    run.__doc__ = activity.__doc__
    return run


def _refusal(error: StepError) -> Refused:
    transient = isinstance(error, Transient)
    after = error.after if isinstance(error, Transient) else None
    return Refused(code=error.code, message=error.message, transient=transient, retry_after=after)
