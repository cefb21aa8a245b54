"""What the pages tell a reader to type is there: commands, targets, variables of a deployment, what links lead to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    named = set(re.findall(r"azd env set ([A-Z_]+)", page)) | set(
        re.findall(r"`(LEEWARD_[A-Z_]+)`", page)
    )
    assert named <= asked, named - asked
    parameters = json.loads((ROOT / "infra/main.parameters.json").read_text("utf-8"))["parameters"]
    lists = {name for name, given in parameters.items() if isinstance(given["value"], list)}
    assert {name for name in lists if f"`{name}`" not in page} <= {"protectedRegionNames"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"
