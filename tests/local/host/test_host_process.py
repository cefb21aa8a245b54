from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.clock import VirtualClock
from tests.local.host.front import APPS, NOON, wait_for

ROOT = Path(__file__).parents[3]
HOOK = "/runtime/webhooks/durabletask"


class Process:
    """A host in a process of its own, whose output is read as it comes."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Iterator[str], into: list[str]) -> None:
        into.extend(iter(stream))

    def url(self) -> str:
        """Wait until the host listens, and return where."""
        found: list[str] = []

        def listening() -> bool:
            found.extend(re.findall(r"listening on (\S+)", "".join(self.out)))
            assert self.process.poll() is None, "".join(self.err)
            return bool(found)

        wait_for(listening)
        return found[0]

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(20)
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@contextmanager
def process(*arguments: str | Path) -> Iterator[Process]:
    running = Process("host", *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_host_says_what_it_serves_and_stops_when_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    with process("--app", APPS / "http_starter", "--port", "0", "--db", tmp_path / "db") as host:
        url = host.url()
        assert httpx.get(f"{url}/admin/host/status").status_code == 200

        host.process.send_signal(number)
        assert host.process.wait(20) == 0

    listed = "".join(host.out)
    assert "start: httpTrigger [POST] /api/start/{name} (durableClient client)" in listed
    assert "approve: orchestrationTrigger" in listed
    assert "Traceback" not in "".join(host.err)


def test_a_host_is_ready_soon() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with process("--app", APPS / "http_starter", "--port", "0") as host:
        httpx.get(host.url())
        host.process.terminate()
        host.end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    # Its own time: on a busy machine the wall's says nothing of the host.
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 0 < took < 5, f"ready and gone after {took:.2f} s of work"


def test_a_killed_host_goes_on_where_it_was(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    arguments = ("--app", APPS / "http_starter", "--port", "0", "--db", tmp_path / "db")

    def written() -> list[str]:
        return lines.read_text().split() if lines.exists() else []

    with process(*arguments) as host:
        order = {"file": str(lines), "lines": 8, "pause_ms": 100}
        httpx.post(f"{host.url()}/api/start/append_lines?id=job", json=order).raise_for_status()
        wait_for(lambda: len(written()) >= 3)
        host.process.send_signal(signal.SIGKILL)
        host.process.wait(20)
    at_the_kill = len(written())
    assert at_the_kill < 8

    with process(*arguments) as host:
        status = f"{host.url()}{HOOK}/instances/job"
        wait_for(lambda: httpx.get(status).status_code == 200)
        assert httpx.get(status).json()["output"] == "written"

    # An activity may run twice around a kill, as in Azure; what was done before is not done again.
    assert sorted(set(written()), key=int) == [str(number) for number in range(8)]
    assert len(written()) <= 8 + 1
    assert len(written()) > at_the_kill


def test_a_virtual_host_runs_days_in_a_moment_on_a_shared_clock(tmp_path: Path) -> None:
    clock = VirtualClock(NOON, tmp_path / "clock")
    arguments = ("--clock", "virtual", "--clock-file", tmp_path / "clock")
    with process("--app", APPS / "http_starter", "--port", "0", *arguments) as host:
        began = time.monotonic()
        started = httpx.post(f"{host.url()}/api/start/approve?id=a1")
        wait_for(lambda: httpx.get(started.headers["location"]).status_code == 200)
        took = time.monotonic() - began

        assert httpx.get(started.headers["location"]).json()["output"] == "expired"
    assert (clock.now() - NOON).days == 3
    assert took < 60  # of three days


def test_auth_asks_for_the_keys_beside_the_database(tmp_path: Path) -> None:
    arguments = ("--app", APPS / "shopfront", "--port", "0", "--db", tmp_path / "db", "--auth")
    with process(*arguments) as host:
        assert httpx.get(f"{host.url()}/api/text").status_code == 401
        assert (tmp_path / "db.keys.json").exists()
        assert str(tmp_path / "db.keys.json") in "".join(host.out)


def test_a_broken_app_ends_with_one_readable_message(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("raise RuntimeError('no vault is configured')")

    with process("--app", tmp_path, "--port", "0") as host:
        code = host.end()

    told = "".join(host.err)
    assert code == 1
    assert "no vault is configured" in told
    assert str(tmp_path / "function_app.py") in told
    assert len(told.splitlines()) == 1

    with process("--app", tmp_path, "--port", "0", "--verbose") as host:
        assert host.end() == 1
    assert "Traceback" in "".join(host.err)


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with process("--app", APPS / "shopfront", "--port", str(port)) as host:
            code = host.end()

    assert code == 1
    assert f"port {port} on 127.0.0.1 cannot be had" in "".join(host.err)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["host", "--app", "."], "no function_app.py"),
        (["host", "--app", ".", "--clock", "fast"], "unknown clock 'fast'"),
        (["host", "--app", ".", "--port", "99999"], "there is no port 99999"),
        (["host"], "--app"),
        (["other"], "invalid choice"),
        ([], "command"),
    ],
)
def test_bad_arguments_are_told(tmp_path: Path, arguments: list[str], reason: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode in (1, 2)
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
