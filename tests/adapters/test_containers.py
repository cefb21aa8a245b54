"""What only a container can do to its stores: answers that are lost, refusals, a storage that is away."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError

from adapters import container, signal_record
from adapters.evidence_store import BlobEvidence
from adapters.ledger import BlobLedger
from adapters.people_file import PeopleBlob
from adapters.places import BlobUrl, ContainerUrl
from adapters.plan_store import LARGEST_PLAN, REST_SECONDS, BlobPlans
from adapters.signal_record import BlobRecord
from domain.errors import Permanent, Transient
from domain.plan_rules import PlanRefused
from tests.adapters.front import CUT, LOST, SILENT, Asked, Front, Trouble, front_of
from tests.containers import BLOCKS, Containers, Pass

ROOT = Path(__file__).parents[2]
SHOP = (ROOT / "plans/shop.yaml").read_text(encoding="utf-8")


@dataclass
class Ground:
    """A container, seen directly and through the front."""

    containers: Containers
    front: Front
    direct: ContainerUrl

    @property
    def url(self) -> ContainerUrl:
        return self.front.before(self.direct)

    def put(self, name: str, data: str | bytes) -> None:
        self.containers.opened(self.direct).upload_blob(name, data, overwrite=True)

    def names(self) -> list[str]:
        return self.containers.names(self.direct)

    def data(self, name: str) -> bytes:
        return bytes(self.containers.opened(self.direct).download_blob(name).readall())


@pytest.fixture
def ground(containers: Containers, tmp_path: Path) -> Iterator[Ground]:
    azurite, bundle = containers.azurite, tmp_path / "trusted.pem"
    with front_of(azurite.account_url, azurite.certificate, bundle) as front:
        os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)
        yield Ground(containers, front, containers.fresh())


def always(trouble: str | tuple[int, str]) -> Trouble:
    return lambda asked: trouble


def on(what: str, trouble: object) -> Trouble:
    """Return the trouble that the first request of one kind meets."""
    left = [trouble]
    return lambda asked: left.pop() if asked.what == what and left else None


def named(name: str) -> str:
    return SHOP.replace("name: shop\n", f"name: {name}\n", 1)


def test_a_look_at_unchanged_plans_is_one_listing(ground: Ground) -> None:
    for name in ("shop", "bank", "mill"):
        ground.put(f"{name}.yaml", named(name))
    plans = BlobPlans(ground.url, Pass)
    assert len(plans.valid()) == 3
    assert sorted(ground.front.whats()) == [
        "GET bank.yaml",
        "GET list",
        "GET mill.yaml",
        "GET shop.yaml",
    ]
    plans.names(), plans.valid(), plans.plan("mill"), plans.each()
    assert ground.front.whats() == ["GET list"] * 4
    ground.put("bank.yaml", named("bank") + "# mended\n")
    assert len(plans.valid()) == 3
    assert ground.front.whats() == ["GET list", "GET bank.yaml"]


def test_what_is_too_large_to_be_a_plan_is_not_fetched(ground: Ground) -> None:
    ground.put("vast.yaml", b"#" * (LARGEST_PLAN + 1))
    with pytest.raises(PlanRefused, match="a plan has at most 1,000,000"):
        BlobPlans(ground.url, Pass).plan("vast")
    assert ground.front.whats() == ["GET list"]


@pytest.mark.parametrize(
    "trouble", [CUT, (503, "ServerBusy"), (403, "AuthorizationFailure"), (404, "ContainerNotFound")]
)
def test_plans_out_of_reach_are_used_as_they_were_last_seen(
    ground: Ground, trouble: str | tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    ground.put("shop.yaml", SHOP)
    now = [100.0]
    plans = BlobPlans(ground.url, Pass, lambda: now[0])
    assert plans.names() == ["shop"]
    ground.front.trouble = always(trouble)
    ground.front.whats()
    with caplog.at_level(logging.ERROR):
        assert plans.plan("shop").name == "shop"
    assert [plan.name for plan in plans.valid()] == ["shop"]
    assert "the plans last seen at 20" in caplog.text
    with pytest.raises(Permanent, match="plans are shop"):
        plans.plan("bank")
    assert ground.front.whats() == ["GET list"], "looks that follow one another wait once"
    now[0] += REST_SECONDS
    assert plans.names() == ["shop"]
    assert ground.front.whats() == ["GET list"]
    with pytest.raises(Transient) as refused:
        BlobPlans(ground.url, Pass).names()
    assert refused.value.code == "plans_unreachable"
    ground.front.trouble = lambda asked: None
    ground.containers.opened(ground.direct).delete_blob("shop.yaml")
    now[0] += REST_SECONDS
    assert plans.names() == [], "a plan that was withdrawn does not come back"


def test_one_plan_that_cannot_be_fetched_holds_nobody_else_up(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.put("shop.yaml", SHOP)
    ground.put("bank.yaml", named("bank"))
    plans = BlobPlans(ground.url, Pass)
    ground.front.trouble = lambda asked: CUT if asked.what == "GET bank.yaml" else None
    with caplog.at_level(logging.ERROR):
        assert [plan.name for plan in plans.valid()] == ["shop"]
    with pytest.raises(Transient, match=r"bank\.yaml could not be read"):
        plans.plan("bank")
    ground.front.trouble = lambda asked: None
    assert plans.plan("bank").name == "bank"
    ground.put("bank.yaml", "name: [")
    ground.front.trouble = lambda asked: CUT if asked.what == "GET bank.yaml" else None
    assert plans.plan("bank").name == "bank", "it is used as it was last seen"


def test_nothing_is_asked_twice_of_a_storage_that_is_ill(ground: Ground) -> None:
    ground.front.trouble = always((503, "ServerBusy"))
    began = time.monotonic()
    ledger = BlobLedger(ground.url, Pass)
    for attempt in (
        lambda: ledger.keep("a", {}),
        lambda: ledger.read("a"),
        lambda: ledger.keys("a"),
        lambda: BlobRecord(ground.url, Pass).keep("event", {}),
        lambda: BlobEvidence(ground.url, Pass).text("run-1", "evidence.json"),
    ):
        with pytest.raises(Transient, match="ServerBusy"):
            attempt()
        assert len(ground.front.whats()) == 1
    assert time.monotonic() - began < 10


def test_a_storage_that_says_nothing_is_not_waited_for(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert container.CALM["connection_timeout"] + container.CALM["read_timeout"] <= 20
    monkeypatch.setitem(container.CALM, "read_timeout", 0.2)
    ground.front.trouble = always(SILENT)
    with pytest.raises(Transient, match="the ledger's a could not be reached"):
        BlobLedger(ground.url, Pass).read("a")


@pytest.mark.parametrize("code", ["ServerBusy", "OperationTimedOut"])
def test_the_server_s_own_wish_to_wait_is_handed_on(ground: Ground, code: str) -> None:
    ground.front.trouble = always((503, code))
    with pytest.raises(Transient, match=f"{code}: ") as refused:
        BlobLedger(ground.url, Pass).keep("a", {})
    assert refused.value.code == "ledger_unavailable"
    assert refused.value.after == timedelta(seconds=7)


@pytest.mark.parametrize("trouble", [LOST, (LOST, 500, "OperationTimedOut")])
def test_a_claim_whose_answer_was_lost_is_known_by_its_mark(
    ground: Ground, trouble: str | tuple[str, int, str]
) -> None:
    ledger = BlobLedger(ground.url, Pass)
    ground.front.trouble = on("PUT a.json", trouble)
    assert ledger.claim("a", {"by": "one"}), "the entry is there, and it is this call's"
    assert ledger.read("a") == {"by": "one"}
    assert not ledger.claim("a", {"by": "one"})


def test_a_claim_that_another_made_meanwhile_is_not_ours(ground: Ground) -> None:
    other = BlobLedger(ground.direct, Pass)

    def overtaken(asked: Asked) -> str | None:
        if asked.method != "PUT":
            return None
        assert other.claim("a", {"by": "other"})
        return CUT

    ground.front.trouble = overtaken
    with pytest.raises(Transient, match="ledger's a could not be reached"):
        BlobLedger(ground.url, Pass).claim("a", {"by": "one"})
    assert other.read("a") == {"by": "other"}


def test_a_claim_that_never_left_claims_nothing(ground: Ground) -> None:
    ledger = BlobLedger(ground.url, Pass)
    ground.front.trouble = on("PUT a.json", CUT)
    with pytest.raises(Transient):
        ledger.claim("a", {})
    assert ledger.read("a") is None
    assert ledger.claim("a", {})


def worm(ground: Ground) -> Trouble:
    """Return what a container's retention does: what is there stays, and append blobs take more at their end."""

    def refuse(asked: Asked) -> tuple[int, str] | None:
        name = asked.path.partition(f"/{ground.direct.name}/")[2]
        touches = asked.method == "DELETE" or (
            asked.method == "PUT" and asked.comp != "appendblock"
        )
        if touches and name in ground.names():
            return 409, "BlobImmutableDueToPolicy"
        return None

    return refuse


def test_under_retention_evidence_is_kept_again_and_other_evidence_beside_it(
    ground: Ground,
) -> None:
    ground.front.trouble = worm(ground)
    store = BlobEvidence(ground.url, Pass)
    for text in ("{1}", "{1}", "{2}", "{2}"):
        store.keep("run-1", {"evidence.json": text})
    assert store.text("run-1", "evidence.json") == "{2}"
    assert ground.names() == ["run-1/evidence.2.json", "run-1/evidence.json"]
    assert ground.data("run-1/evidence.json") == b"{1}"


def test_no_store_of_evidence_ever_asks_to_replace_or_delete(ground: Ground) -> None:
    store, record = BlobEvidence(ground.url, Pass), BlobRecord(ground.url, Pass)
    for text in ("{1}", "{2}", "{1}"):
        store.keep("run-1", {"evidence.json": text})
        record.keep("event", {})
    writes = [asked for asked in ground.front.asked if asked.method != "GET"]
    assert {asked.method for asked in writes} == {"PUT"}
    for asked in writes:
        assert asked.comp == "appendblock" or asked.headers["If-None-Match"] == "*"


def test_the_record_goes_on_under_retention_in_the_next_blob_once_one_is_full(
    ground: Ground,
) -> None:
    ground.front.trouble = worm(ground)
    records = [BlobRecord(ground.url, Pass) for _ in range(2)]
    for number in range(2 * BLOCKS + 2):
        records[number % 2].keep("event", {"number": number})
    first, second, third = sorted(ground.names(), key=lambda name: (len(name), name))
    assert second == first.replace(".jsonl", "-2.jsonl")
    assert third == first.replace(".jsonl", "-3.jsonl")
    lines = b"".join(map(ground.data, (first, second, third))).splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(2 * BLOCKS + 2))
    ground.front.whats()
    records[0].keep("event", {})
    assert ground.front.whats() == ["PUT appendblock"], "a full blob is not asked again"


def test_a_blob_that_somebody_put_in_the_record_s_place_stops_nothing(ground: Ground) -> None:
    first = f"signals/{datetime.now(UTC):%Y%m%d}.jsonl"
    ground.put(first, b"by hand\n")
    BlobRecord(ground.url, Pass).keep("event", {})
    assert ground.data(first) == b"by hand\n"
    assert len(ground.names()) == 2


def test_a_record_that_never_has_room_is_given_up(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_record, "MOST_PARTS", 3)
    ground.front.trouble = always((409, "BlockCountExceedsLimit"))
    with pytest.raises(Transient, match="has no room left") as refused:
        BlobRecord(ground.url, Pass).keep("event", {})
    assert refused.value.code == "record_not_kept"
    assert len(ground.front.whats()) == 3


def test_two_apps_may_begin_a_day_at_once(ground: Ground) -> None:
    other = BlobRecord(ground.direct, Pass)

    def overtaken(asked: Asked) -> None:
        if asked.method == "PUT" and not asked.comp:
            other.keep("event", {"by": "other"})

    ground.front.trouble = overtaken
    BlobRecord(ground.url, Pass).keep("event", {"by": "one"})
    (name,) = ground.names()
    assert [json.loads(line)["by"] for line in ground.data(name).splitlines()] == ["other", "one"]


def test_who_cannot_be_looked_up_is_nobody(ground: Ground) -> None:
    people = PeopleBlob(BlobUrl(ground.url, "people.yaml"), Pass)
    ground.put("people.yaml", b"")
    assert people.person("slack", "U1") is None
    ground.front.trouble = always(CUT)
    with pytest.raises(Permanent, match=r"people\.yaml cannot be read now; try") as refused:
        people.person("slack", "U1")
    assert refused.value.code == "people_unreadable"
    ground.front.trouble = lambda asked: None
    ground.put("people.yaml", b"#" * 1_000_001)
    with pytest.raises(Permanent, match=r"people\.yaml cannot be read"):
        people.person("slack", "U1")


def test_an_identity_without_a_token_is_a_matter_of_waiting(ground: Ground) -> None:
    class Nobody(Pass):
        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            raise CredentialUnavailableError("no identity here")

    with pytest.raises(Transient, match="no identity here") as refused:
        BlobLedger(ground.url, Nobody).claim("a", {})
    assert refused.value.code == "ledger_unavailable"


COLD = """
import sys
from adapters.evidence_store import evidence_at
from adapters.ledger import ledger_at
from adapters.people_file import people_at
from adapters.places import blob_at, container_at
from adapters.plan_store import plans_at
from adapters.signal_record import record_at
url = "https://x.blob.core.windows.net/plans"
def credential(): raise AssertionError("nobody has asked for anything yet")
for store in (plans_at, evidence_at, ledger_at, record_at):
    store(container_at(url), credential)
people_at(blob_at(url + "/people.yaml"), credential)
print("azure.storage" in sys.modules or "azure.identity" in sys.modules)
"""


def test_the_sdk_is_imported_when_it_is_needed() -> None:
    told = subprocess.run(
        [sys.executable, "-c", COLD], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
