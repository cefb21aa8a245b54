"""What a runbook is told of the run, in the words of Azure's own recovery plans, so that theirs need no change."""

from __future__ import annotations

from typing import Any

from domain.action import Occasion
from domain.model import last_segment, segment_after
from domain.plan import Tier


def recovery_plan_context(
    plan: str, tier: Tier | None, occasion: Occasion, group: str | None, moved: bool
) -> dict[str, Any]:
    """Return a RecoveryPlanContext; before its group has moved, Azure's names no resource of a machine either.

    Azure keys the machines by a GUID of its own; here their names in the plan are the keys.
    """
    there = group if moved else None
    ending = "-test" if occasion is Occasion.DRILL else ""
    return {
        "RecoveryPlanName": plan,
        "FailoverType": "Test" if occasion is Occasion.DRILL else "Unplanned",
        "FailoverDirection": "SecondaryToPrimary"
        if occasion is Occasion.FAILBACK
        else "PrimaryToSecondary",
        "GroupId": tier.name if tier else "",
        "VmMap": {
            member.name: {
                "SubscriptionId": segment_after(group, "subscriptions") if group else "",
                "ResourceGroupName": last_segment(there) if there else "",
                "CloudServiceName": "",
                "RoleName": f"{member.recovery_name or member.name}{ending}" if there else "",
                "RecoveryPointId": "",
            }
            for member in (tier.members if tier else ())
        },
    }
