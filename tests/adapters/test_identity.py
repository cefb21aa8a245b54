from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from adapters.identity import CALM, Clients

ARM = "https://management.azure.com"


def test_each_client_is_built_once_however_many_threads_ask() -> None:
    clients = Clients(ARM, ARM, "client")
    gate = Barrier(8)

    def ask(_: int) -> tuple[int, ...]:
        gate.wait(10)
        asked = (
            clients.site_recovery("one"),
            clients.site_recovery("two"),
            clients.traffic_manager("one"),
            clients.credential(),
        )
        return tuple(map(id, asked))

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(ask, range(8)))
    (ids,) = seen
    assert len(set(ids)) == 4


def test_another_process_s_clients_are_not_shared() -> None:
    one, two = Clients(ARM, ARM, "client"), Clients(ARM, ARM, "client")
    assert one.credential() is not two.credential()


def test_nothing_is_sent_twice_by_the_sdk_itself() -> None:
    assert CALM["retry_total"] == 0
