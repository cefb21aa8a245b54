"""A forward proxy that leads some names to a TLS server of the test, and everything else to the simulated world."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import trustme


class Switchboard:
    """Where the proxy is, and what the receivers behind it heard."""

    def __init__(self, port: int) -> None:
        self.proxy = f"http://127.0.0.1:{port}"
        self.world = self.proxy
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.statuses: dict[str, list[int]] = {}

    def status(self, host: str) -> int:
        """Return the next status of a receiver, 0 for hanging up: 200 once there is none left."""
        left = self.statuses.get(host)
        return left.pop(0) if left else 200


@contextlib.contextmanager
def switchboard(*names: str, certificate: Path) -> Iterator[Switchboard]:
    """Serve these names; whom to trust for them is written to ``certificate``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)

    class Receiver(BaseHTTPRequestHandler):
        """Says back all that it was sent: the worst that a receiver can do."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            host = str(self.headers["Host"]).partition(":")[0]
            board.heard.append((host, self.path, dict(self.headers), body))
            status = board.status(host)
            if status == 0:
                return
            said = f"{self.path}\n{self.headers}".encode() + body
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Line(StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = self.rfile.read(1)
                if not piece:
                    return
                head += piece
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            ours = method == "CONNECT" and target.rpartition(":")[0] in names
            if ours:
                to = ("127.0.0.1", server.server_port)
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                to = ("127.0.0.1", urlsplit(board.world).port or 0)
            with socket.create_connection(to) as there:
                if not ours:
                    there.sendall(head)
                back = Thread(target=_pump, args=(there, self.connection))
                back.start()
                _pump(self.connection, there)
                back.join()

    class Proxy(ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A line that breaks is no news."""

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server,
        Proxy(("127.0.0.1", 0), Line) as proxy,
    ):
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        board = Switchboard(proxy.server_address[1])
        threads = [
            Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
            for one in (server, proxy)
        ]
        for thread in threads:
            thread.start()
        try:
            yield board
        finally:
            for one in (server, proxy):
                one.shutdown()
            for thread in threads:
                thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
