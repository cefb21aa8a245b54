"""No route without a role: each is tried without a token, and with every role alone."""

from __future__ import annotations

import pytest

from domain.caller import Role
from tests.journeys.callers import ALICE
from tests.triggers.conftest import Doors
from tests.triggers.routes import Route, registered

# What has another proof of who sends than a token, by route, and the test of that proof.
OPEN = {
    "chat/slack": "tests/journeys/test_chat.py: signed by Slack, each signature once",
    "chat/teams": "tests/journeys/test_chat.py: signed by Teams, and may only read",
    "approval/{id}": "tests/journeys/test_chat.py: a page that holds nothing of any run",
}
GUARDED = [route for route in registered() if route.template not in OPEN]
NEEDED = {
    "alerts": Role.SIGNAL,
    "plans/check": Role.READ,
    "plans/import": Role.READ,
    "runs/{id}/decisions": Role.APPROVE,
}


def test_what_is_open_is_there_and_has_its_own_proof() -> None:
    assert set(OPEN) <= {route.template for route in registered()}
    assert len(GUARDED) >= 6


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_nobody_comes_in_without_a_token(doors: Doors, route: Route) -> None:
    answer = doors.http.request(route.method, route.path(), auth=None)
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_one_role_and_no_other_opens_a_route(doors: Doors, route: Route) -> None:
    opened = set()
    for role in Role:
        token = doors.world.azure.directory.token(ALICE, roles=[role.value])
        headers = {"Authorization": f"Bearer {token}"}
        answer = doors.http.request(route.method, route.path(plan="nowhere"), headers=headers)
        if answer.status_code != 403:
            opened.add(role)
    usual = Role.READ if route.method == "GET" else Role.OPERATE
    assert opened == {NEEDED.get(route.template, usual)}
