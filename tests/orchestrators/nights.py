"""Plans for the stage: short to write, and quick unless a test wants them slow."""

from __future__ import annotations

from typing import Any

from domain.plan import Plan
from tests.plan_samples import plan, plan_data, tier

DB_APP_WEB = (("db", "db-1"), ("app", "app-1"), ("web", "web-1"))


def night(
    *tiers: tuple[str, ...], gates: bool = False, deadline: str = "PT6H", **policy: Any
) -> Plan:
    """Return a plan without questions: its tiers as (name, member, ...), its policy as given."""
    said = {
        "approval": {"required": False},
        "commit": {"mode": "never"},
        "deadline": deadline,
        **policy,
    }
    traffic = {
        **plan_data()["traffic"],
        "gate": {**plan_data()["traffic"]["gate"], "within": "PT1M"},
        "within": "PT3M",
    }
    written = [tier(name, *members) for name, *members in tiers or (("db", "db-1"),)]
    if gates:
        for each in written:
            each["gate"] = {"probes": [{"tcp": f"{each['name']}.example.com:80"}]}
    return plan(tiers=written, policy=said, traffic=traffic)
