"""Every place in the adapters that goes to Azure belongs to an identity."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys.world import ROOT
from tests.roles.call_sites import openings, strangers, writing_observers

ADAPTERS = sorted(path for path in (ROOT / "adapters").glob("*.py") if path.name != "identity.py")


def test_every_place_that_goes_to_azure_says_as_whom_and_none_writes_as_the_observer() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in ADAPTERS}
    assert {
        path.name: strangers(source) for path, source in sources.items() if strangers(source)
    } == {}
    assert {p.name: writing_observers(s) for p, s in sources.items() if writing_observers(s)} == {}
    assert sum(map(openings, sources.values())) >= 30


def test_what_only_looks_is_made_with_the_observer() -> None:
    root = (ROOT / "function_app.py").read_text(encoding="utf-8")
    assert not_as_observer(root) == []
    wrong = root.replace("AzureCompute(identities.observe)", "AzureCompute(identities.failover)")
    assert not_as_observer(wrong) == ["identities.failover"]


def not_as_observer(root: str) -> list[str]:
    """Return which other identity is handed on by itself: whoever acts gets all three and chooses by the deed."""
    return [use for use in re.findall(r"identities\.\w+", root) if use != "identities.observe"]


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "compute.py",
            "self._observe.site_recovery",
            "self._anybody.site_recovery",
            "self._anybody",
        ),
        ("vault_setup.py", "_where(self._as.failover, piece)", "_where(whoever, piece)", "whoever"),
        (
            "recovery_plans.py",
            "vault_at(self._as.doing(verb)",
            "vault_at(terms.identity",
            "terms.identity",
        ),
    ],
)
def test_a_place_without_an_identity_is_seen(file: str, old: str, new: str, told: str) -> None:
    source = Path(ROOT / "adapters" / file).read_text(encoding="utf-8")
    assert old in source, "the case breaks nothing; follow the adapter"
    (said,) = strangers(source.replace(old, new))
    assert f"as {told}, which is none of the identities" in said


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("site_recovery.py", "cancel"),
        ("traffic_manager.py", "set_endpoint"),
        ("automation.py", "stop"),
        ("vault_setup.py", "create"),
        ("permissions.py", "granted"),
    ],
)
def test_whoever_writes_as_the_observer_is_seen(file: str, name: str) -> None:
    source = Path(ROOT / "adapters" / file).read_text(encoding="utf-8")
    source = source.replace("self._as.failover", "self._as.observe").replace('"GET"', '"POST"')
    said = writing_observers(source)
    assert any(f"{name} writes as the observer" in one for one in said), said
