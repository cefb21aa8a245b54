"""`make up CONTAINERS=1`: the app over the simulated Azure, with everything it keeps in Azurite."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from local.azurite import Azurite

ROOT = Path(__file__).parents[2]
NEEDED = ("Leeward", "break it", "PLAN_STORE", "EVIDENCE_STORE", "LEDGER")


def test_the_app_runs_on_containers_until_it_is_told_to_stop(azurite: Azurite) -> None:
    command = [sys.executable, "-m", "local", "up", "--containers", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--azure-port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said: dict[str, str] = {}
        for line in process.stdout:
            what = next((name for name in NEEDED if line.startswith(name)), "")
            said[what] = line.removeprefix(what).strip()
            if line.startswith("Ctrl-C"):
                break
        control = said["break it"].split("/_simulator")[0].removeprefix("curl -X POST ")
        token = httpx.get(f"{control}/_simulator/tokens/alice", trust_env=False).text
        headers = {"Authorization": f"Bearer {token}"}
        plans = httpx.get(f"{said['Leeward']}/plans", headers=headers, trust_env=False, timeout=30)
        assert "shop" in [plan["name"] for plan in plans.json()["plans"]]
        kept = [said[key] for key in NEEDED[2:]]
        assert [url.rpartition("/")[2] for url in kept] == ["plans", "evidence", "shared"]
        assert all(url.startswith("https://127.0.0.1:") for url in kept)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
