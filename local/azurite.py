"""Azurite, Azure Storage's emulator, as a process of its own: over TLS, opened with a managed identity's token.

`make azurite` installs it. Azure's blob service in the local world: the simulator has none of its own.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests
import trustme

from local.azure.tokens import storage_token
from local.processes import READY_WITHIN_SECONDS, ChildProcess, ProcessFailed

HOME = Path(__file__).resolve().parents[1] / ".azurite"
PROGRAM = HOME / "node_modules/azurite/dist/src/blob/main.js"
CONSTANTS = HOME / "node_modules/azurite/dist/src/blob/utils/constants.js"
ACCOUNT = "devstoreaccount1"
MISSING = "Azurite is not installed; run: make azurite"
LISTENS = "Azurite Blob service successfully listens on "
# Standard input closes when the process that holds its other end goes, however it went.
END_WITH_US = "process.stdin.on('end', () => process.exit(0)).resume();\n"
API_VERSION = "2024-11-04"
HOST = "127.0.0.1"


class NotThere(RuntimeError):
    """Azurite cannot be run here; the text says what to do."""


def objection() -> str | None:
    """Return why Azurite cannot be run on this machine, None if it can."""
    if shutil.which("node") is None:
        return "Azurite needs Node.js, which is not installed"
    return None if PROGRAM.is_file() else MISSING


class Azurite(ChildProcess):
    """One blob service on a free port of loopback, with its data in a folder."""

    def __init__(self, folder: Path, *, port: int = 0, blocks: int = 50_000) -> None:
        """Prepare it; ``blocks`` is how many blocks an append blob takes, so that a test may come to the end."""
        super().__init__(folder / "azurite.log")
        self._folder = folder.resolve()
        self._port = port
        self._blocks = blocks
        self.origin = ""

    @property
    def account_url(self) -> str:
        """Return the address of the account; a container's name follows it."""
        return f"{self.origin}/{ACCOUNT}"

    @property
    def certificate(self) -> Path:
        """Return the file with the certificate authority to trust."""
        return self._folder / "ca.pem"

    def make_container(self, name: str) -> str:
        """Make a container and return its address."""
        self._put(name, {"restype": "container"})
        return f"{self.account_url}/{name}"

    def put(self, container: str, name: str, data: bytes) -> None:
        """Put a blob into a container."""
        self._put(f"{container}/{name}", {}, data, {"x-ms-blob-type": "BlockBlob"})

    def start(self) -> None:
        """Start it; returns when it listens. Raises NotThere."""
        why = objection()
        if why is not None:
            raise NotThere(why)
        super().start()
        try:
            self.origin = self.lines_until(LISTENS)[-1].removeprefix(LISTENS).strip()
        except ProcessFailed as error:
            self.stop()
            raise NotThere(f"Azurite did not start: {error}") from error

    def _environ(self) -> Mapping[str, str]:
        """Return the environment of this process, without what it says to other programs of Node's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
        return {**kept, "NODE_NO_WARNINGS": "1"}

    def _put(
        self,
        path: str,
        query: Mapping[str, str],
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        token = storage_token("local", int(time.time()) + 300)
        told = {"Authorization": f"Bearer {token}", "x-ms-version": API_VERSION, **(headers or {})}
        requests.put(
            f"{self.account_url}/{path}",
            data=data,
            params=dict(query),
            headers=told,
            verify=str(self.certificate),
            timeout=READY_WITHIN_SECONDS,
        ).raise_for_status()

    def _command(self) -> Sequence[str]:
        """Return the program and its arguments; makes the certificate that it shows."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.certificate))
        issued = authority.issue_cert(HOST, "localhost")
        certificate, key = self._folder / "cert.pem", self._folder / "key.pem"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        before = self._folder / "before.js"
        limit = f"require({str(CONSTANTS)!r}).MAX_APPEND_BLOB_BLOCK_COUNT = {self._blocks};\n"
        before.write_text(limit + END_WITH_US)
        arguments = {
            "--blobHost": HOST,
            "--blobPort": str(self._port),
            "--location": str(self._folder / "data"),
            "--oauth": "basic",
            "--cert": str(certificate),
            "--key": str(key),
        }
        flags = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        pairs = [part for pair in arguments.items() for part in pair]
        return ["node", "--require", str(before), str(PROGRAM), *pairs, *flags]
