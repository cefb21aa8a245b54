"""HTTP calls go out with their mark, follow nobody, read no more than is kept, and say what may be sent again."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import ClassVar

import pytest
import trustme
from pydantic import ValidationError

from adapters.action_secrets import ActionSecrets
from adapters.egress import Egress
from adapters.http_calls import HttpCalls
from domain.action import KEPT_OUTPUT, HttpAnswered, HttpCall
from domain.errors import Permanent, Transient
from domain.reach import Reach
from tests.adapters.test_probes import closed_port, raw
from tests.adapters.wires import SITE, Wires, named

SECRETS = ActionSecrets({"ledger": SITE}, {"ledger": "Bearer canary-7"})


class Ops(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    gone_after: ClassVar[list[int]] = []
    asked: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.asked.append((self.command, self.path, dict(self.headers), body))
        self.send_response(int(self.path.rsplit("/", 1)[-1]))
        if "moved" in self.path:
            self.send_header("Location", "/200")
        self.send_header("Retry-After", "30")
        echo = str(self.headers).encode() if "echo" in self.path else b""
        said = echo or (b"x" * 100_000 if "long" in self.path else b"ticket 7")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_PATCH(self) -> None:
        """Say as much as anybody listens to, to an end that nobody should wait for."""
        self.send_response(200)
        self.end_headers()
        said = 0
        try:
            while said < 64_000_000:
                said += self.wfile.write(b"x" * 64_000)
        except OSError:
            pass
        self.gone_after.append(said)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ops() -> Iterator[str]:
    Ops.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Ops) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://{SITE}:{server.server_port}"
        server.shutdown()
        thread.join()


def send(url: str, method: str = "POST", **more: object) -> HttpAnswered:
    call = HttpCall.model_validate({"url": url, "method": method, **more})
    return HttpCalls(Egress(None, Wires()), SECRETS).send(call, "mark-1", Reach.of((SITE,)))


def test_a_call_carries_its_headers_body_and_mark(ops: str) -> None:
    heard = send(f"{ops}/201", headers={"X-Team": "dr"}, body="{}")
    assert (heard.status, heard.ok, heard.said) == (201, True, "ticket 7")
    method, _, headers, body = Ops.asked[0]
    assert (method, body) == ("POST", b"{}")
    assert (headers["Idempotency-Key"], headers["X-Team"]) == ("mark-1", "dr")


def test_an_answer_that_is_not_expected_is_not_done(ops: str) -> None:
    assert not send(f"{ops}/404").ok
    assert send(f"{ops}/404", expect=[404]).ok
    assert not send(f"{ops}/500").ok


def test_a_redirect_is_an_answer_and_is_not_followed(ops: str) -> None:
    assert send(f"{ops}/moved/302").status == 302
    assert len(Ops.asked) == 1


def test_no_more_of_a_body_is_read_than_is_kept(ops: str) -> None:
    assert len(send(f"{ops}/long/200").said) <= KEPT_OUTPUT + 4
    Ops.gone_after.clear()
    send(f"{ops}/200", "PATCH")
    while not Ops.gone_after:
        Event().wait(0.01)
    assert Ops.gone_after[0] < 64_000_000


@pytest.mark.parametrize(
    ("method", "status", "again"),
    [
        ("POST", 429, True),
        ("POST", 503, True),
        ("POST", 502, False),
        ("GET", 502, True),
        ("PUT", 504, True),
        ("POST", 500, False),
    ],
)
def test_only_what_cannot_have_happened_twice_is_sent_again(
    ops: str, method: str, status: int, again: bool
) -> None:
    if again:
        with pytest.raises(Transient) as refused:
            send(f"{ops}/{status}", method)
        assert refused.value.after is not None
        assert refused.value.after.total_seconds() == 30
    else:
        assert not send(f"{ops}/{status}", method).ok


def test_a_status_that_the_plan_expects_is_done_whatever_it_means_elsewhere(ops: str) -> None:
    assert send(f"{ops}/503", expect=[503]).ok


def test_where_nobody_listens_it_is_tried_again() -> None:
    with pytest.raises(Transient, match="could not be reached"):
        send(f"http://{SITE}:{closed_port()}/200")


def test_a_post_that_was_not_answered_may_have_arrived_and_is_not_sent_again() -> None:
    with raw(b"") as address, pytest.raises(Permanent, match="may have arrived"):
        send(f"http://{named(address)}/200")


def test_a_get_that_was_not_answered_is_sent_again() -> None:
    with raw(b"") as address, pytest.raises(Transient):
        send(f"http://{named(address)}/200", "GET")


def test_an_error_tells_no_more_of_the_url_than_its_host() -> None:
    with pytest.raises(Transient) as refused:
        send(f"http://{SITE}:{closed_port()}/hook?token=canary")
    assert "canary" not in str(refused.value)


@pytest.fixture
def tls_ops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same receiver behind TLS; it says back what it was sent."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    Ops.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Ops) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://{SITE}:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_secret_goes_to_its_host_and_what_is_said_back_has_it_crossed_out(tls_ops: str) -> None:
    heard = send(f"{tls_ops}/echo/200", secrets={"Authorization": "ledger"})
    assert Ops.asked[0][2]["Authorization"] == "Bearer canary-7"
    assert heard.ok
    assert "(secret)" in heard.said
    assert "canary" not in heard.said


@pytest.mark.parametrize(
    ("url", "name", "code"),
    [
        (f"https://{SITE}/200", "pager", "secret_unknown"),
        ("https://other.example.com/200", "ledger", "secret_elsewhere"),
    ],
)
def test_a_secret_goes_nowhere_else(url: str, name: str, code: str) -> None:
    wires = Wires()
    call = HttpCall(url=url, secrets={"Authorization": name})
    reach = Reach.of((SITE, "other.example.com"))
    with pytest.raises(Permanent) as refused:
        HttpCalls(Egress(None, wires), SECRETS).send(call, "m", reach)
    assert refused.value.code == code
    assert "canary" not in refused.value.message
    assert (wires.looked_up, wires.connected) == ([], [])


@pytest.mark.parametrize("cut", range(len("Bearer canary-7") + 1))
def test_a_secret_is_crossed_out_where_a_text_breaks_off_in_it(cut: int) -> None:
    text = SECRETS.kept_back("said: " + "Bearer canary-7"[:cut])
    assert "cana" not in text


def test_a_secret_is_sent_over_tls_alone_and_shown_nowhere() -> None:
    with pytest.raises(ValidationError, match="secrets go over https"):
        HttpCall(url="http://site.example.com/", secrets={"Authorization": "ledger"})
    with pytest.raises(ValidationError, match="is among headers and secrets"):
        HttpCall(url="https://site.example.com/", headers={"x-a": "1"}, secrets={"X-A": "ledger"})
    assert "canary" not in repr(SECRETS)
    assert "secrets" not in HttpCall(url="https://site.example.com/").wire()


def test_a_receiver_that_drips_is_left_when_its_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Drips(BaseHTTPRequestHandler):
        said: ClassVar[list[int]] = []

        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            drops = 0
            try:
                while drops < 200:
                    drops += self.wfile.write(b"x")
                    Event().wait(0.02)
            except OSError:
                pass
            self.said.append(drops)

        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setattr("adapters.http_calls.LONGEST_SECONDS", 0.2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Drips) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        answered = send(f"http://{SITE}:{server.server_port}/")
        while not Drips.said:
            Event().wait(0.01)
        server.shutdown()
        thread.join()
    assert answered.ok and set(answered.said) == {"x"}
    assert Drips.said[0] < 200
