"""What the pages tell a reader to type is there: commands, targets, variables of a deployment, what links lead to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli.main import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def _typed(page: Path) -> Iterator[str]:
    """Yield the lines of the page's console blocks, each joined with its continuations, without comments."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s#.*", "", line).removeprefix("$ ")


def _commands(pages: list[Path]) -> set[str]:
    found = set()
    for page in pages:
        for line in [*_typed(page), *re.findall(r"`(leeward [^`]+)`", page.read_text("utf-8"))]:
            for words in re.findall(r"\bleeward ((?:plan )?[a-z][a-z-]+)", line):
                found.add(words)
    return found


@pytest.mark.parametrize("command", sorted(_commands(PAGES)))
def test_a_command_that_a_page_names_is_there(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--help"])
    assert left.value.code == 0, capsys.readouterr().err


def test_a_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text("utf-8"))
    }
    assert named and named <= targets, named - targets


def test_the_deployment_asks_for_the_variables_that_its_page_sets() -> None:
    page = (ROOT / "docs/deploy.md").read_text("utf-8")
    asked = set(
        re.findall(r"\$\{([A-Z_]+)", (ROOT / "infra/main.parameters.json").read_text("utf-8"))
    )
    asked |= set(re.findall(r"LEEWARD_[A-Z]+", (ROOT / "azure.yaml").read_text("utf-8")))
    both = page + (ROOT / "docs/standby.md").read_text("utf-8")
    named = set(re.findall(r"azd env set ([A-Z_]+)", both)) | set(
        re.findall(r"`(LEEWARD_[A-Z_]+)`", page)
    )
    assert named <= asked, named - asked
    parameters = json.loads((ROOT / "infra/main.parameters.json").read_text("utf-8"))["parameters"]
    lists = {name for name, given in parameters.items() if isinstance(given["value"], list)}
    assert {name for name in lists if f"`{name}`" not in page} <= {"protectedRegionNames"}


def test_the_pages_read_outputs_that_the_deployment_has() -> None:
    template = (ROOT / "infra/main.bicep").read_text("utf-8")
    parameters = (ROOT / "infra/main.parameters.json").read_text("utf-8")
    there = set(re.findall(r"^output ([A-Z_]+) ", template, re.MULTILINE))
    there |= set(re.findall(r"\$\{([A-Z_]+)", parameters))
    texts = [page.read_text("utf-8") for page in PAGES]
    read = {name for text in texts for name in re.findall(r"azd env get-value ([A-Z_]+)", text)}
    assert read and read <= there, read - there


NEEDED = {
    "AZURE_ENV_NAME": "prod",
    "AZURE_LOCATION": "westus",
    "LEEWARD_API_CLIENT_ID": "c",
    "LEEWARD_API_OBJECT_ID": "o",
}


def _filled_in(given: dict[str, str], room: Path) -> subprocess.CompletedProcess[str]:
    """Run the lines of the workflow that fill the parameters in, against the types that the template declares."""
    template = (ROOT / "infra/main.bicep").read_text("utf-8")
    types = re.findall(r"^param (\w+) (\w+)", template, re.MULTILINE)
    declared = {"parameters": {name: {"type": kind} for name, kind in types}}
    (room / "main.json").write_text(json.dumps(declared), "utf-8")
    steps = yaml.safe_load((ROOT / ".github/workflows/infra.yml").read_text("utf-8"))
    (lines,) = (
        step["run"] for step in steps["jobs"]["what-if"]["steps"] if step.get("shell") == "python"
    )
    environ = {**os.environ, "GIVEN": json.dumps(given), "RUNNER_TEMP": str(room)}
    return subprocess.run(
        [sys.executable, "-c", lines], cwd=ROOT, env=environ, text=True, capture_output=True
    )


def test_what_if_is_of_what_the_environment_deploys(tmp_path: Path) -> None:
    given = {**NEEDED, "LEEWARD_GRANT_PROTECTION": "true", "LEEWARD_STANCE": "standby"}
    ended = _filled_in(given, tmp_path)
    assert ended.returncode == 0, ended.stderr
    filled = json.loads((tmp_path / "parameters.json").read_text("utf-8"))["parameters"]
    values = {name: one["value"] for name, one in filled.items()}
    assert "${" not in json.dumps(values)
    assert (values["grantProtection"], values["evidenceLocked"]) == (True, False)
    assert (values["stance"], values["hosting"], values["vaultId"]) == ("standby", "Flex", "")
    assert values["environmentName"] == "prod"


def test_what_if_names_the_variable_that_is_missing(tmp_path: Path) -> None:
    ended = _filled_in({**NEEDED, "LEEWARD_API_OBJECT_ID": ""}, tmp_path)
    assert ended.returncode == 1
    assert "LEEWARD_API_OBJECT_ID" in ended.stderr


def test_the_workflow_lists_every_variable_of_the_deployment() -> None:
    head = (ROOT / ".github/workflows/infra.yml").read_text("utf-8").split("\nname:")[0]
    parameters = (ROOT / "infra/main.parameters.json").read_text("utf-8")
    assert set(re.findall(r"\$\{([A-Z_]+)", parameters)) <= set(re.findall(r"[A-Z_]{2,}", head))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"
