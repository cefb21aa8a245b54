"""What ARM answers when it refuses: status, code, message, and what the reader may do.

The 404 is as recorded. No source shows what Site Recovery says to a conflict of states, so the
detail codes below marked *simulated* are ours; callers must go by status and shape.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is answered with an ARM error body."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        causes: str = "",
        action: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.causes = causes
        self.action = action
        self.headers = headers

    def body(self, client_request_id: str, correlation_id: str) -> dict[str, Any]:
        """Return the ARM error body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["details"] = [
                {
                    "code": self.detail,
                    "message": self.message,
                    "possibleCauses": self.causes,
                    "recommendedAction": self.action,
                    "clientRequestId": client_request_id,
                    "activityId": correlation_id,
                }
            ]
        return {"error": error}


def not_found(name: str) -> Refusal:
    """Return the refusal for a resource that is not there, as Site Recovery words it."""
    return Refusal(
        404,
        "NotFound",
        f"Specified resource with name '{name}' does not exist.",
        detail="ArmResourceDoesNotExist",
        causes="Ensure correct resource name was specified.",
        action="Verify ARM resource name details.",
    )


def not_allowed(operation: str, name: str, allowed: list[str]) -> Refusal:
    """Return the refusal for an operation that the state of an item forbids (simulated code)."""
    now = ", ".join(allowed) or "nothing"
    return Refusal(
        400,
        "BadRequest",
        f"The operation '{operation}' is not allowed on '{name}' in its current state.",
        detail="OperationNotAllowedInCurrentState",
        causes=f"The item currently allows: {now}.",
        action="Wait for the state that allows the operation, or finish what is pending.",
    )


def job_in_progress(name: str, scenario: str, job: str) -> Refusal:
    """Return the refusal while another job of an item runs (simulated code)."""
    return Refusal(
        409,
        "Conflict",
        f"Another operation '{scenario}' is in progress on '{name}'.",
        detail="AnotherOperationInProgress",
        causes=f"The job '{job}' has not finished.",
        action="Wait for the job to finish, then retry.",
    )


def group_member(name: str, group: str) -> Refusal:
    """Return the refusal to move one machine of a consistency group alone (documented; simulated code)."""
    return Refusal(
        400,
        "BadRequest",
        f"The machine '{name}' belongs to the multi-VM consistency group '{group}' and cannot move alone.",
        detail="MultiVmGroupMember",
        causes="The machines of a consistency group share their recovery points.",
        action="Use a recovery plan that holds every machine of the group.",
    )


def invalid(what: str, mend: str) -> Refusal:
    """Return the refusal for a request body that cannot be used (simulated code)."""
    return Refusal(
        400,
        "BadRequest",
        what,
        detail="InvalidParameter",
        causes="The request body is not what the operation takes.",
        action=mend,
    )


def not_simulated(what: str) -> Refusal:
    """Return the refusal for what Azure can do and the simulator cannot (simulated)."""
    return Refusal(
        501,
        "NotSimulated",
        f"The simulator does not do this: {what}.",
    )


def resource_not_found(kind: str, name: str, group: str) -> Refusal:
    """Return ARM's own refusal for a resource of another provider that is not there."""
    return Refusal(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )
