"""The JSON schema of a plan file, for editors: ``python -m adapters.plan_schema > docs/plan.schema.json``."""

from __future__ import annotations

import json
import sys

from domain.plan import Plan


def schema_text() -> str:
    """Return the text of ``docs/plan.schema.json``."""
    return json.dumps(Plan.model_json_schema(by_alias=True), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
