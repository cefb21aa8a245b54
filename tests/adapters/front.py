"""A front before Azurite that counts what passes, and breaks on demand: over TLS, on a port of its own."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

from adapters.places import ContainerUrl

HOST = "127.0.0.1"
LOST, CUT, SILENT = "lost", "cut", "silent"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what is done, to which blob of which container."""

    method: str
    path: str
    query: str
    headers: Message

    @property
    def comp(self) -> str:
        """Return which operation beside the plain one is meant: list, appendblock."""
        return parse_qs(self.query).get("comp", [""])[0]

    @property
    def what(self) -> str:
        """Return the request in two words."""
        return f"{self.method} {self.comp or self.path.rpartition('/')[2]}"


Trouble = Callable[[Asked], object]
"""What becomes of a request: None to pass, LOST after it was done, CUT before, SILENT, or a status and a code.

With LOST before them, status and code are the answer to a request that was done.
"""


@dataclass
class Front:
    """What passed, and the trouble it makes."""

    account_url: str
    asked: list[Asked] = field(default_factory=list)
    trouble: Trouble = lambda asked: None

    def before(self, url: ContainerUrl) -> ContainerUrl:
        """Return the address of a container through this front."""
        return ContainerUrl(self.account_url, url.name)

    def whats(self) -> list[str]:
        """Return the requests since the last time, in two words each."""
        told, self.asked = [asked.what for asked in self.asked], []
        return told


@contextmanager
def front_of(account_url: str, trusted: Path, bundle: Path) -> Iterator[Front]:
    """Serve before an account; ``bundle`` becomes a file with both certificates to trust."""
    upstream = urlsplit(account_url)
    authority = trustme.CA()
    bundle.write_bytes(trusted.read_bytes() + authority.cert_pem.bytes())
    inside = ssl.create_default_context(cafile=str(trusted))
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            asked = Asked(self.command, path, query, self.headers)
            front.asked.append(asked)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            trouble = front.trouble(asked)
            if trouble == SILENT:
                over.wait(30)
            if trouble in (CUT, SILENT):
                self.close_connection = True
                return
            if isinstance(trouble, tuple) and trouble[0] != LOST:
                self._refuse(*trouble)
                return
            connection = HTTPSConnection(str(upstream.netloc), context=inside, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
            if trouble == LOST:
                self.close_connection = True
                return
            if isinstance(trouble, tuple):
                self._refuse(*trouble[1:])
                return
            self._answer(answer.status, dict(answer.getheaders()), data)

        do_PUT = do_DELETE = do_HEAD = do_GET

        def _refuse(self, status: int, code: str) -> None:
            self._answer(status, {"x-ms-error-code": code, "Retry-After": "7"}, b"")

        def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response(status)
            length = headers.get("content-length") if self.command == "HEAD" else None
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def finish_request(self, request: object, client_address: object) -> None:
            """Shake hands in the request's own thread, so that nobody keeps the next one waiting."""
            with context.wrap_socket(request, server_side=True) as wrapped:  # type: ignore[arg-type]
                Handler(wrapped, client_address, self)

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of connections that the client closed."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with Server((HOST, 0), Handler) as server:
        front = Front(f"https://{HOST}:{server.server_port}{upstream.path}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield front
        finally:
            over.set()
            server.shutdown()
            thread.join()
