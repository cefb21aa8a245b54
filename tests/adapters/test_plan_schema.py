"""The schema that editors read is the model's own, and takes what the reader takes."""

from __future__ import annotations

import json

import yaml
from jsonschema import Draft202012Validator

from adapters.plan_schema import schema_text
from domain.plan import Plan
from tests.adapters.test_plan_file import ROOT, changed


def test_the_published_schema_is_the_models() -> None:
    published = (ROOT / "docs/plan.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), (
        "docs/plan.schema.json is not the model's; write it anew with "
        "`python -m adapters.plan_schema > docs/plan.schema.json`"
    )
    assert json.loads(published) == Plan.model_json_schema(by_alias=True)


def test_the_schema_accepts_the_plans_and_refuses_a_misspelt_key() -> None:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    editor = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for file in sorted((ROOT / "plans").glob("*.yaml")):
        assert not list(editor.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8"))))
    spoilt = yaml.safe_load(changed("  deadline:", "  dedline:"))
    assert [error.validator for error in editor.iter_errors(spoilt)] == ["additionalProperties"]
