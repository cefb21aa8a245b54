"""An endpoint is changed once, and never the last one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.traffic import EndpointChange, ProfileQuestion, Traffic
from domain.errors import Permanent
from domain.route import Endpoint
from tests.activities.ports import ProfileInMemory
from tests.plan_samples import PROFILE


def change(name: str, enabled: bool) -> EndpointChange:
    return EndpointChange(profile=PROFILE, endpoint=Endpoint(name=name), enabled=enabled)


def test_a_change_is_written_and_the_profile_read_back() -> None:
    profile = ProfileInMemory({"east": True, "west": False})
    after = Traffic(profile).set_endpoint(change("west", True))
    assert profile.writes == [("west", True)]
    assert [(e.name, e.enabled) for e in after.endpoints] == [("east", True), ("west", True)]


@pytest.mark.parametrize(("name", "enabled"), [("east", True), ("EAST", True), ("west", False)])
def test_what_stands_as_wished_is_not_written_again(name: str, enabled: bool) -> None:
    profile = ProfileInMemory({"east": True, "west": False})
    Traffic(profile).set_endpoint(change(name, enabled))
    assert not profile.writes


def test_a_change_that_is_delivered_twice_is_written_once() -> None:
    profile = ProfileInMemory({"east": True, "west": False})
    for _ in range(3):
        Traffic(profile).set_endpoint(change("west", True))
    assert profile.writes == [("west", True)]


@pytest.mark.parametrize("name", ["east", "EAST"])
def test_the_last_enabled_endpoint_is_never_disabled(name: str) -> None:
    profile = ProfileInMemory({"east": True, "west": False})
    with pytest.raises(Permanent) as refused:
        Traffic(profile).set_endpoint(change(name, False))
    assert refused.value.code == "last_endpoint"
    assert "enable another one first" in refused.value.message
    assert not profile.writes


def test_an_unknown_endpoint_is_refused() -> None:
    profile = ProfileInMemory({"east": True})
    with pytest.raises(Permanent, match="has no endpoint west"):
        Traffic(profile).set_endpoint(change("west", True))


@settings(deadline=None)
@given(
    begin=st.dictionaries(st.sampled_from("abc"), st.booleans(), min_size=1).filter(
        lambda endpoints: any(endpoints.values())
    ),
    asked=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12),
)
def test_whatever_is_asked_some_endpoint_stays_enabled(
    begin: dict[str, bool], asked: list[tuple[str, bool]]
) -> None:
    profile = ProfileInMemory(dict(begin))  # it fails by itself where nothing is left enabled
    for name, enabled in asked:
        try:
            Traffic(profile).set_endpoint(change(name, enabled))
        except Permanent as error:
            assert error.code in {"endpoint_unknown", "last_endpoint"}
        else:
            assert profile.endpoints[name] is enabled


def test_a_profile_is_read_as_it_stands() -> None:
    profile = ProfileInMemory({"east": True})
    assert Traffic(profile).read_profile(ProfileQuestion(profile=PROFILE)) == profile.profile("")
