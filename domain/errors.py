"""Failures that are expected, and what may be done about each.

    StepError(code, message)
    ├── Transient(after)   throttled, timed out, 5xx, "another operation is in progress": wait, try again
    └── Permanent          refused, not found, not allowed, invalid: trying again changes nothing

Adapters raise them, the activity boundary turns them into a `Refused` answer, and nothing else catches them.
"""

from __future__ import annotations

from datetime import timedelta


class StepError(Exception):
    """A step could not be done, for a reason that was foreseen."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Transient(StepError):
    """It may work later; ``after`` is the server's own wish, if it stated one."""

    def __init__(self, code: str, message: str, after: timedelta | None = None) -> None:
        super().__init__(code, message)
        self.after = after


class Permanent(StepError):
    """It will not work however often it is tried."""
