"""A message to a chat is one POST: what comes back is weighed by its status and let go of."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.chat_post import post_json
from adapters.egress import Egress
from domain.errors import Permanent
from tests.adapters.wires import SITE, Wires


@pytest.fixture
def chat() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            said = b"ok" * 50_000
            self.send_response(404)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            try:
                self.wfile.write(said)
            except OSError:  # who posted has gone: it asked for the status alone
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://{SITE}:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refusal_that_says_much_leaves_no_connection_open(chat: str) -> None:
    gc.collect()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(Permanent) as refused:
            post_json(Egress(None, Wires()), chat, {"text": "done"})
        # What was raised holds on to all that stood around it.
        refused.value.args = (*refused.value.args, refused.value)
        del refused
        gc.collect()
    assert [str(warning.message) for warning in heard] == []


@pytest.mark.parametrize("url", ["https://hook.example.com:99x/planted", f"https://{SITE}/planted"])
def test_an_address_that_is_closed_is_not_asked_and_stays_secret(url: str) -> None:
    wires = Wires({SITE: [["169.254.169.254"]]})
    with pytest.raises(Permanent) as refused:
        post_json(Egress(None, wires), url, {})
    assert refused.value.code == "chat_closed"
    assert "planted" not in f"{refused.value}{refused.value.__cause__!r}"
    assert wires.connected == []
