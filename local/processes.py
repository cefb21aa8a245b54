"""The host and the simulator as processes of their own, as a person would start them in two terminals."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Self

READY_WITHIN_SECONDS = 60.0
STOP_WITHIN_SECONDS = 10.0
ROOT = Path(__file__).resolve().parent.parent


class ProcessFailed(Exception):
    """A process did not come up; its log says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where ``python -m local`` runs: with which Python, from which folder, with which packages beside Python's own."""

    python: Path = Path(sys.executable)
    folder: Path = ROOT
    packages: Path | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Return what the environment must say for the packages to be found."""
        return {} if self.packages is None else {"PYTHONPATH": str(self.packages)}


HERE = Home()


class ChildProcess(ABC):
    """A process of its own; its log goes to a file, its lines are read for as long as it lives."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._ear: threading.Thread | None = None
        self._lines: Queue[str | None] = Queue()

    def __enter__(self) -> Self:
        try:
            self.start()
        except ProcessFailed:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Return the program and its arguments."""

    @abstractmethod
    def _environ(self) -> Mapping[str, str]:
        """Return the environment that it gets."""

    def start(self) -> None:
        """Start the process, or start it again."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._lines = Queue()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._where(),
                env=dict(self._environ()),
            )
        self._ear = threading.Thread(
            target=self._read, args=(self._process, self._lines), daemon=True
        )
        self._ear.start()

    def lines_until(self, mark: str) -> list[str]:
        """Return what the process said, up to and with the line that begins with ``mark``."""
        said: list[str] = []
        while not said or not said[-1].startswith(mark):
            try:
                line = self._lines.get(timeout=READY_WITHIN_SECONDS)
            except Empty:
                line = None
            if line is None:
                tail = "\n".join([*said, self._log.read_text(errors="replace")])[-2000:]
                raise ProcessFailed(f"{self._name()} did not come up:\n{tail}")
            said.append(line)
        return said

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        process = self._process
        if process is not None:
            _hang_up(process)
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ask the process to end, and make it if it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        _hang_up(process)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_SECONDS)
        process.kill()
        process.wait()
        if self._ear is not None:
            self._ear.join(STOP_WITHIN_SECONDS)

    def _name(self) -> str:
        return type(self).__name__

    def _where(self) -> Path:
        return ROOT

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line.rstrip("\n"))
        lines.put(None)


class LocalProcess(ChildProcess):
    """One ``python -m local ...`` process."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        settings: Mapping[str, str] | None = None,
        home: Home = HERE,
    ) -> None:
        super().__init__(log)
        self._arguments = [str(home.python), "-m", "local", *arguments]
        self._home = home
        self._settings = dict(settings or {})

    def _command(self) -> Sequence[str]:
        """Return the program and its arguments."""
        return self._arguments

    def _environ(self) -> Mapping[str, str]:
        """Return the environment of this process, with what its home and its settings say."""
        return {**os.environ, **self._home.settings, **self._settings}

    def _name(self) -> str:
        return " ".join(self._arguments[1:])

    def _where(self) -> Path:
        return self._home.folder


def _hang_up(process: subprocess.Popen[str]) -> None:
    """Close the process's standard input: one that ends with us is told so, however we end."""
    assert process.stdin is not None
    process.stdin.close()


class HostProcess(LocalProcess):
    """``python -m local host``."""

    def __init__(
        self,
        app: Path,
        db: Path,
        log: Path,
        settings: Mapping[str, str],
        clock: str,
        clock_file: Path,
        port: int = 0,
        home: Home = HERE,
    ) -> None:
        super().__init__(
            [
                "host", "--app", str(app), "--db", str(db), "--port", str(port),
                "--clock", clock, "--clock-file", str(clock_file),
            ],
            log,
            settings,
            home,
        )  # fmt: skip
        self.url = ""

    def start(self) -> None:
        """Start the host and learn its address."""
        super().start()
        self.url = self.lines_until("listening on ")[-1].removeprefix("listening on ")


class AzureProcess(LocalProcess):
    """``python -m local azure``."""

    def __init__(
        self, estate: Path, log: Path, clock: str, clock_file: Path, control_port: int = 0
    ) -> None:
        super().__init__(
            [
                "azure", "--estate", str(estate), "--proxy-port", str(control_port),
                "--clock", clock, "--clock-file", str(clock_file),
            ],
            log,
        )  # fmt: skip
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Start the simulator and learn what an app must be told."""
        super().start()
        pairs = (line.partition("=") for line in self.lines_until("ready")[:-1])
        self.environment = {name: value for name, _, value in pairs}


@contextlib.contextmanager
def both(
    app: Path,
    estate: Path,
    folder: Path,
    clock: str,
    settings: Mapping[str, str],
    ports: tuple[int, int] = (0, 0),
    host_home: Home = HERE,
    trusted: Path | None = None,
) -> Iterator[tuple[AzureProcess, HostProcess]]:
    """Run the simulator, and the host on top of it, on one clock; the ports are the host's and Azure's control.

    The host may live elsewhere: an app that is proved to run by itself must not find what this Python has.
    ``trusted`` is a file with certificates that the app trusts beside the simulator's.
    """
    port, control_port = ports
    clock_file = folder / "clock"
    with AzureProcess(estate, folder / "azure.log", clock, clock_file, control_port) as azure:
        told = {**azure.environment, **settings}
        if trusted is not None:
            bundle = folder / "trusted.pem"
            own = Path(azure.environment["REQUESTS_CA_BUNDLE"])
            bundle.write_bytes(own.read_bytes() + trusted.read_bytes())
            told["REQUESTS_CA_BUNDLE"] = str(bundle)
        host = HostProcess(
            app, folder / "host.db", folder / "host.log", told, clock, clock_file, port, host_home
        )
        with host:
            yield azure, host
