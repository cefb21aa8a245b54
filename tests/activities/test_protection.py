"""What the vault lacks is made once, what is there is left, what is there otherwise is refused with the mend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.protection import Groundwork, Pieces, Settings, Standing
from domain.errors import Permanent, StepError, Transient
from domain.landing import Landed
from domain.plan import Plan
from domain.replication import Interface, Job, ProtectedItem
from domain.setup import Piece, PieceKind, Seen, rounds_of
from tests.activities.ports import VaultInMemory, item
from tests.plan_samples import VAULT, protected_plan

NIC = Interface(nic="n", source_nic="/subscriptions/s/nic", config="c", subnet="db")


@dataclass
class SetupInMemory:
    """A vault's set-up: a piece is there once its job is told to have ended."""

    there: dict[str, Seen] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    trouble: StepError | None = None

    def find(self, piece: Piece) -> Seen | None:
        if self.trouble:
            raise self.trouble
        return self.there.get(piece.id)

    def create(self, piece: Piece) -> str | None:
        self.puts.append(piece.id)
        job = f"job-{len(self.puts)}"
        self.jobs[job] = Job(name=job, state="InProgress")
        return job

    def job(self, vault: str, job: str) -> Job:
        return self.jobs[job]

    def finish(self, piece: Piece, job: str) -> None:
        self.jobs[job] = Job(name=job, state="Succeeded")
        self.there[piece.id] = Seen(id=piece.id, says=piece.wants)


@dataclass
class ItemsInMemory(VaultInMemory):
    """Items whose settings can be changed; the change is there once its job is told to have ended."""

    updates: list[tuple[str, Landed]] = field(default_factory=list)

    def update(self, item: ProtectedItem, landed: Landed) -> str | None:
        self.updates.append((item.name, landed))
        return f"job-{len(self.updates)}"


def all_pieces() -> list[Piece]:
    plan = protected_plan()
    assert plan.protection
    return [piece for pieces in rounds_of(plan, plan.protection) for piece in pieces]


def ensure(setup: SetupInMemory, *pieces: Piece, **jobs: str) -> list[Standing]:
    asked = Pieces(
        vault=VAULT, pieces=pieces, jobs={p.id: jobs[p.name] for p in pieces if p.name in jobs}
    )
    return list(Groundwork(setup, ItemsInMemory()).ensure_pieces(asked).standings)


def test_a_plan_needs_nine_pieces_and_mappings_go_both_ways() -> None:
    pieces = all_pieces()
    kinds = [piece.kind for piece in pieces]
    assert len(pieces) == 9 and len({piece.id for piece in pieces}) == 9
    out, home = (p for p in pieces if p.kind is PieceKind.CONTAINER_MAPPING)
    assert (out.name, home.name) == ("c-to-rc", "rc-to-c")
    assert home.wants["target container"].endswith(
        "/replicationFabrics/f/replicationProtectionContainers/c"
    )
    there, back = (p for p in pieces if p.kind is PieceKind.NETWORK_MAPPING)
    assert there.wants["source network"] == back.wants["target network"]
    assert kinds.index(PieceKind.CONTAINER_MAPPING) > kinds.index(PieceKind.CONTAINER)


def test_what_is_missing_is_made_and_waited_for_and_the_second_time_changes_nothing() -> None:
    setup, fabric = SetupInMemory(), all_pieces()[0]
    (asked,) = ensure(setup, fabric)
    assert (asked.job, asked.changed, asked.open) == ("job-1", "made", True)
    (runs,) = ensure(setup, fabric, f="job-1")
    assert (runs.open, runs.changed) == (True, None)
    setup.finish(fabric, "job-1")
    (done,) = ensure(setup, fabric, f="job-1")
    (again,) = ensure(setup, fabric)
    assert done.settled and again.settled and again.changed is None
    assert setup.puts == [fabric.id]


def test_a_piece_that_is_made_and_not_to_be_seen_yet_is_not_made_again() -> None:
    setup, fabric = SetupInMemory(), all_pieces()[0]
    ensure(setup, fabric)
    setup.jobs["job-1"] = Job(name="job-1", state="Succeeded")
    (one,) = ensure(setup, fabric, f="job-1")
    assert one.open and len(setup.puts) == 1


@pytest.mark.parametrize("piece", [p for p in all_pieces() if p.wants], ids=str)
def test_a_piece_that_is_there_otherwise_is_left_alone_and_refused_with_the_mend(
    piece: Piece,
) -> None:
    key = next(iter(piece.wants))
    setup = SetupInMemory({piece.id: Seen(id=piece.id, says={**piece.wants, key: "else"})})
    (one,) = ensure(setup, piece)
    assert one.error is not None and not setup.puts
    assert one.error.startswith(f"{piece} is there, but its {key} is else, the plan wants")
    assert "plan" in one.error.rsplit(";", 1)[1]


def test_azures_own_spelling_of_an_id_is_no_difference() -> None:
    piece = next(p for p in all_pieces() if p.kind is PieceKind.NETWORK_MAPPING)
    says = {key: value.upper() for key, value in piece.wants.items()}
    (one,) = ensure(SetupInMemory({piece.id: Seen(id=piece.id, says=says)}), piece)
    assert one.settled


def test_a_failed_job_is_told_with_azures_words() -> None:
    setup, fabric = SetupInMemory(), all_pieces()[0]
    setup.jobs["j"] = Job(name="j", state="Failed", error_code="150261", error="it could not be")
    (one,) = ensure(setup, fabric, f="j")
    assert one.error == "it could not be (150261)" and not setup.puts


@pytest.mark.parametrize(
    ("trouble", "is_open"), [(Transient("busy", "later"), True), (Permanent("no", "never"), False)]
)
def test_one_pieces_trouble_is_its_own(trouble: StepError, is_open: bool) -> None:
    (one,) = ensure(SetupInMemory(trouble=trouble), all_pieces()[0])
    assert one.open is is_open
    assert trouble.message in (one.wait or "") + (one.error or "")


# -- settings ------------------------------------------------------------------------------


def settle(vault: ItemsInMemory, plan: Plan, **jobs: str) -> Standing:
    asked = Settings(plan=plan, members=("db-01",), jobs=jobs)
    setup = SetupInMemory(jobs={"job-1": Job(name="job-1", state="Succeeded")})
    (one,) = Groundwork(setup, vault).settle_items(asked).standings
    return one


def drifting() -> tuple[Plan, dict[str, Any]]:
    plan = protected_plan({"name": "db-01", "size": "Standard_D4s_v5", "nics": [{"subnet": "app"}]})
    assert plan.protection
    network = plan.protection.networks.target
    return plan, {"nics": (NIC,), "network": network, "recovery_size": "Standard_D2s_v5"}


def test_an_item_that_drifted_is_changed_once_and_read_again() -> None:
    plan, seen = drifting()
    vault = ItemsInMemory()
    vault.hold(item("db-01", **seen))
    one = settle(vault, plan)
    assert one.changed is not None
    assert "Standard_D2s_v5, the plan wants Standard_D4s_v5; its subnet is db" in one.changed
    ((_, landed),) = vault.updates
    assert (landed.size, landed.nics[0].subnet) == ("Standard_D4s_v5", "app")
    settled = NIC.model_copy(update={"subnet": "app"})
    vault.hold(item("db-01", **{**seen, "recovery_size": landed.size, "nics": (settled,)}))
    assert settle(vault, plan, **{"db-01": "job-1"}).settled
    assert settle(vault, plan).settled
    assert len(vault.updates) == 1


def test_a_change_that_azure_took_and_does_not_show_is_an_error_and_not_sent_again() -> None:
    plan, seen = drifting()
    vault = ItemsInMemory()
    vault.hold(item("db-01", **seen))
    one = settle(vault, plan, **{"db-01": "job-1"})
    assert one.error is not None and one.error.startswith("Azure took the change, yet")
    assert not vault.updates


def test_settings_wait_for_protection() -> None:
    plan, seen = drifting()
    vault = ItemsInMemory()
    vault.hold(item("db-01", **seen, state="InitialReplicationInProgress"))
    assert settle(vault, plan).error is not None
    assert not vault.updates
