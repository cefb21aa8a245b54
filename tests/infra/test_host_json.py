"""host.json says what decision 29 reasons, and the templates say the same where both speak."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.infra.templates import ROOT, read_templates

HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text("utf-8"))
DURABLE: dict[str, Any] = HOST["extensions"]["durableTask"]
PAGE = (ROOT / "docs/decisions/0029-host-json.md").read_text("utf-8")


def test_new_code_goes_on_with_older_runs_and_leaves_newer_ones_alone() -> None:
    assert re.fullmatch(r"\d+\.\d+", DURABLE["defaultVersion"])
    assert DURABLE["versionMatchStrategy"] == "CurrentOrOlder"
    assert DURABLE["versionFailureStrategy"] == "Reject"


def test_no_inputs_go_to_the_traces_and_no_line_that_an_alert_listens_for_is_sampled() -> None:
    assert DURABLE["tracing"]["traceInputsAndOutputs"] is False
    kept = HOST["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    assert {"Trace", "Exception", "Request"} <= set(kept)


def test_the_scheduler_has_the_hub_that_the_host_asks_for() -> None:
    hub = re.search(
        r"resource hub 'taskHubs' = \{\s*name: '(\w+)'", read_templates()["modules/scheduler.bicep"]
    )
    assert hub and hub[1] == DURABLE["hubName"]
    assert hub[1].isalnum(), "a hub's name is letters and digits"


def test_every_durable_setting_has_its_reason() -> None:
    sections = {"storageProvider", "httpSettings", "tracing"}
    keys = set(DURABLE) - sections
    keys |= set(DURABLE["storageProvider"]) | set(DURABLE["httpSettings"])
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []
