"""What was heard is said as it was; what could not be read is unknown."""

from __future__ import annotations

import pytest

from activities.health import Health, PathQuestion, PathSeen, Round, SourceQuestion
from domain.errors import Permanent, StepError, Transient
from domain.gate import Probe
from domain.run import DnsAnswer, ProbeAnswer
from tests.activities.ports import ComputeInMemory, NetworkInMemory
from tests.plan_samples import SUBSCRIPTION

EAST = Probe(http="http://east.example.com/")
WEST = Probe(tcp="west.example.com:443")


def vm(name: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/east/providers/Microsoft.Compute/virtualMachines/{name}"


def test_a_round_asks_every_probe_and_is_good_when_all_are() -> None:
    network = NetworkInMemory(frozenset({str(EAST)}))
    heard = Health(network, ComputeInMemory()).probe_round(Round(probes=(EAST, WEST)))
    assert [(a.probe, a.ok) for a in heard.answers] == [(str(EAST), True), (str(WEST), False)]
    assert not heard.ok
    both = NetworkInMemory(frozenset({str(EAST), str(WEST)}))
    assert Health(both, ComputeInMemory()).probe_round(Round(probes=(EAST, WEST))).ok


def test_every_question_is_asked_within_the_plans_reach() -> None:
    health, reach = Health(NetworkInMemory(), ComputeInMemory()), ("other.example.com",)
    answers = (
        *health.probe_round(Round(probes=(EAST, WEST), reach=reach)).answers,
        *health.look_at_source(SourceQuestion(vms={}, probes=(EAST,), reach=reach)).answers,
        *health.look_at_path(
            PathQuestion(fqdn="f", target="t", url=EAST.http or "", reach=reach)
        ).http,
    )
    assert [answer.asked for answer in answers] == [False] * 4


def test_a_source_is_seen_by_the_names_of_the_plan() -> None:
    compute = ComputeInMemory({vm("db-1"): "stopped", vm("web-1"): "running"})
    seen = Health(NetworkInMemory(), compute).look_at_source(
        SourceQuestion(
            vms={"db": vm("db-1"), "web": vm("web-1"), "app": vm("app-1")}, probes=(EAST,)
        )
    )
    assert seen.machines == {"db": "stopped", "web": "running", "app": "unknown"}
    assert [a.ok for a in seen.answers] == [False]


@pytest.mark.parametrize(
    "error", [Transient("unavailable", "503"), Permanent("forbidden", "may not read")]
)
def test_a_compute_that_is_down_proves_nothing_and_the_probes_are_asked_all_the_same(
    error: StepError,
) -> None:
    network = NetworkInMemory(frozenset({str(EAST)}))
    seen = Health(network, ComputeInMemory(down=error)).look_at_source(
        SourceQuestion(vms={"db": vm("db-1")}, probes=(EAST,))
    )
    assert seen.machines == {"db": "unknown"}
    assert [a.ok for a in seen.answers] == [True]


@pytest.mark.parametrize("page", [True, False])
def test_a_path_is_good_when_dns_leads_there_and_the_page_answers(page: bool) -> None:
    network = NetworkInMemory(frozenset({str(EAST)}) if page else frozenset())
    seen = Health(network, ComputeInMemory()).look_at_path(
        PathQuestion(fqdn="shop.trafficmanager.net", target="west", url=EAST.http or "")
    )
    assert seen.dns[0].answer == "west"
    assert seen.ok is page


TO_WEST, ASTRAY, MUTE = (
    DnsAnswer(resolver="1", answer="west", ok=True),
    DnsAnswer(resolver="2", answer="east", ok=False),
    DnsAnswer(resolver="3", answer="no answer", ok=False, heard=False),
)


@pytest.mark.parametrize(
    ("dns", "good"),
    [
        ((TO_WEST, MUTE), True),
        ((TO_WEST, ASTRAY), False),
        ((MUTE,), False),
        ((), False),
    ],
)
def test_a_resolver_that_cannot_be_reached_says_nothing_of_where_users_are_sent(
    dns: tuple[DnsAnswer, ...], good: bool
) -> None:
    page = ProbeAnswer(probe="GET", ok=True, heard="200")
    assert PathSeen(dns=dns, http=(page,)).ok is good
