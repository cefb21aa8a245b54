"""Each identity asks Azure for itself what it may do, over TLS, against the simulated Azure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceResponseError

from adapters.identity import Identities
from adapters.permissions import MOST_PAGES, AzurePermissions
from domain.errors import Permanent, StepError, Transient
from domain.grants import LISTING, Grant, Identity
from local.azure.arm import Answer, Call, Route, route
from local.azure.refusals import Refusal
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.adapters.test_azure import VAULT
from tests.identities import identities
from tests.journeys.world import shop_estate
from tests.roles.grants import grant
from tests.roles.table import read_roles

PATH = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/vaults/{name}"
    "/providers/Microsoft.Authorization/permissions"
)


@contextmanager
def azure(*also: Route) -> Iterator[tuple[Simulator, AzurePermissions]]:
    with Simulator(shop_estate(grant), VirtualClock(), also=also) as simulator:
        os.environ.update(simulator.environment())
        yield simulator, AzurePermissions(identities())


def answering(answer: Callable[[Call], Answer]) -> Route:
    return route("GET", PATH, "permissions/list", r"2022-04-01", answer)


def pages(*bodies: object, ends: bool = True) -> Callable[[Call], Answer]:
    """Answer with one body after the other, each leading to the next."""

    def answer(call: Call) -> Answer:
        at = int(call.argument("skipToken") or 0)
        link = f"{call.base}{call.path}?api-version={call.api_version}&skipToken={at + 1}"
        page = {"value": bodies[min(at, len(bodies) - 1)]}
        return Answer(200, page if ends and at + 1 == len(bodies) else {**page, "nextLink": link})

    return answer


def test_each_identity_hears_its_own_grants_alone() -> None:
    with azure() as (simulator, permissions):
        for identity in Identity:
            roles = [r for r in read_roles().values() if r.identity == identity]
            here = [set(r.actions) for r in roles if "vault" in r.at]
            found = permissions.granted(identity, VAULT)
            assert found is not None
            assert [set(one.actions) for one in found] == here
        asked = [(r.identity, r.action, r.status) for r in simulator.requests if r.action]
        assert asked == [(identity.value, LISTING, 200) for identity in Identity]


def test_whose_grant_is_gone_may_not_even_ask() -> None:
    with azure() as (simulator, permissions):
        simulator.permissions.take("failover", VAULT)
        assert permissions.granted(Identity.FAILOVER, VAULT) is None
        assert permissions.granted(Identity.OBSERVE, VAULT)


def test_every_page_is_read_and_what_a_role_excludes_is_kept() -> None:
    first = [{"actions": ["*"], "notActions": ["a/write"], "dataActions": ["d"]}]
    with azure(answering(pages(first, [], [{"actions": None}]))) as (_, permissions):
        assert permissions.granted(Identity.DRILL, VAULT) == [
            Grant(actions=("*",), excluded=("a/write",)),
            Grant(),
        ]


def refusing(status: int, code: str) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        raise Refusal(status, code, "no")

    return answer


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusing(403, "ReadOnlyDisabledSubscription"), Permanent, "not_allowed"),
        (refusing(401, "AuthorizationFailed"), Permanent, "not_allowed"),
        (refusing(404, "ResourceNotFound"), Permanent, "not_found"),
        (refusing(503, "ServerBusy"), Transient, "server_busy"),
        (lambda call: Answer(200, ["no", "page"]), Transient, "answer_unreadable"),
        (lambda call: Answer(200, {"value": ["none"]}), Transient, "answer_unreadable"),
        (lambda call: Answer(200, {"value": [{"actions": [1]}]}), Transient, "answer_unreadable"),
        (pages([], ends=False), Transient, "answer_unreadable"),
    ],
)
def test_any_other_answer_is_an_error_that_says_what_was_asked(
    answer: Callable[[Call], Answer], kind: type[StepError], code: str
) -> None:
    with azure(answering(answer)) as (simulator, permissions):
        with pytest.raises(
            kind, match="what the identity failover may do on shop-vault"
        ) as refused:
            permissions.granted(Identity.FAILOVER, VAULT)
        assert refused.value.code == code
        assert simulator.arm_requests() <= MOST_PAGES


def test_silence_is_told_from_a_refusal() -> None:
    with azure() as (simulator, permissions):
        simulator.faults.add("lost", operation="permissions/list")
        with pytest.raises(Transient) as silent:
            permissions.granted(Identity.FAILOVER, VAULT)
        assert silent.value.code == "no_answer"


def test_nobody_is_waited_for_longer_than_the_way_of_a_run_can_spare() -> None:
    given: dict[str, Any] = {}

    class Clients:
        """A client that is asked nothing but how long it would wait."""

        def site_recovery(self, subscription: str) -> Clients:
            return self

        def send_request(self, request: object, **options: Any) -> object:
            given.update(options)
            raise ServiceResponseError("read timed out")

    clients = cast(Any, Clients())
    with pytest.raises(Transient):
        AzurePermissions(Identities(clients, clients, clients)).granted(Identity.DRILL, VAULT)
    assert given["connection_timeout"] + given["read_timeout"] <= 8
