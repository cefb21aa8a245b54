from __future__ import annotations

import argparse
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.azure import command
from tests.local.azure.shop import SHOP

RUN = """
import argparse, sys
from local.azure import command
parser = argparse.ArgumentParser()
command.add_arguments(parser)
sys.exit(command.run(parser.parse_args()))
"""


def _arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_an_app_needs_and_serves_until_told(
    stop: signal.Signals, tmp_path: Path
) -> None:
    clock = ["--clock", "scaled:60", "--clock-file", str(tmp_path / "clock")]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "--estate", str(SHOP), *clock],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while (line := process.stdout.readline().strip()) != "ready":
            assert line, "the command ended before it was ready"
            lines.append(line)
        told = dict(line.split("=", 1) for line in lines)
        assert set(told) == {
            "ARM_ENDPOINT",
            "REQUESTS_CA_BUNDLE",
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "OBSERVE_CLIENT_ID",
            "DRILL_CLIENT_ID",
            "FAILOVER_CLIENT_ID",
            "ENTRA_AUTHORITY",
            "ENTRA_TENANT_ID",
            "ENTRA_CLIENT_ID",
            "PROBE_PROXY",
            "VANTAGE_POINTS",
            "DNS_RESOLVERS",
            "EVENT_TOPIC_ENDPOINT",
            "NO_PROXY",
        }
        trust = ssl.create_default_context(cafile=told["REQUESTS_CA_BUNDLE"])
        assert httpx.get(told["ARM_ENDPOINT"], verify=trust, trust_env=False).status_code == 401
        process.send_signal(stop)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    assert (tmp_path / "clock").exists()


def test_an_estate_that_cannot_be_read_is_an_error_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.run(_arguments("--estate", "nowhere.yaml")) == 2
    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err


def test_a_clock_that_is_not_known_is_an_error_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.run(_arguments("--estate", str(SHOP), "--clock", "sundial")) == 2
    assert "unknown clock 'sundial'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--port", "--proxy-port", "--dns-port"])
def test_a_port_that_is_taken_is_an_error_in_words(
    option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command.run(_arguments("--estate", str(SHOP), option, str(port))) == 1
    told = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1 cannot be had" in told
    assert f"choose another with {option}" in told
