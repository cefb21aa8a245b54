"""HTTP calls that a plan has made around its tiers: short, without redirects, each with a mark of its own.

A call that was not answered may have arrived. One that means the same twice (GET, PUT, DELETE) is sent again; a POST
or PATCH is not, its action has failed and a person may look. The engine itself may deliver an activity twice, when
its process dies; then the receiver sees the same ``Idempotency-Key`` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import requests
import urllib3

from adapters.action_secrets import ActionSecrets
from adapters.egress import Egress
from domain.action import KEPT_OUTPUT, HttpAnswered, HttpCall, fitted
from domain.errors import Permanent, Transient
from domain.reach import Reach, host_of

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
# For all of one call, from the look-up to the end of the answer.
LONGEST_SECONDS = 60.0
MOST_BYTES = 4 * KEPT_OUTPUT
MEANS_THE_SAME_TWICE = {"GET", "PUT", "DELETE"}
# The receiver says that it did nothing yet; 502 and 504 come from a go-between that cannot know.
NOT_NOW = {429, 503}
WHO_KNOWS = {502, 504}


class HttpCalls:
    """Calls from where the egress stands."""

    def __init__(self, egress: Egress, secrets: ActionSecrets) -> None:
        self._egress = egress
        self._secrets = secrets

    def send(self, call: HttpCall, mark: str, reach: Reach) -> HttpAnswered:
        """Send one call; raises Transient where it may be sent again, Permanent where it may not or must not."""
        to = host_of(call.url)
        try:
            return self._send(call, mark, reach)
        except requests.exceptions.ProxyError as error:
            raise Transient("not_reached", f"{to} could not be reached") from error
        except requests.ConnectionError as error:
            if _never_left(error):
                raise Transient("not_reached", f"{to} could not be reached") from error
            raise _unanswered(call, to) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _unanswered(call, to) from error
        except ValueError as error:
            raise Permanent("call_impossible", f"{to} cannot be called: {error}") from error

    def _send(self, call: HttpCall, mark: str, reach: Reach) -> HttpAnswered:
        secret = self._secrets.headers(call.secrets, host_of(call.url) or "")
        with (
            self._egress.session(call.url, reach, LONGEST_SECONDS, sent=True) as session,
            session.request(
                call.method,
                call.url,
                data=call.body.encode() if call.body is not None else None,
                headers={**call.headers, **secret, "Idempotency-Key": mark},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return self._heard(call, answer)

    def _heard(self, call: HttpCall, answer: requests.Response) -> HttpAnswered:
        status = answer.status_code
        ok = status in call.expect
        again = status in NOT_NOW or (status in WHO_KNOWS and call.method in MEANS_THE_SAME_TWICE)
        if not ok and again:
            wish = answer.headers.get("Retry-After", "")
            after = timedelta(seconds=int(wish)) if wish.isdecimal() and len(wish) < 6 else None
            raise Transient("not_now", f"{host_of(call.url)} answered {status}", after)
        # A receiver may say back what it was sent.
        said = fitted(self._secrets.kept_back(_text(answer)))
        return HttpAnswered(status=status, ok=ok, said=said or "")


def _text(answer: requests.Response) -> str:
    """Return the body as far as it is kept; one that breaks off or drips has been answered all the same."""
    return b"".join(_pieces(answer)).decode("utf-8", "replace")


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    read = 0
    try:
        # What is there now, and no waiting for a whole piece: of one that drips, what came in time is kept.
        while read < MOST_BYTES:
            piece: bytes = answer.raw.read1(1024, decode_content=True)
            if not piece:
                return
            yield piece
            read += len(piece)
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return


def _never_left(error: requests.ConnectionError) -> bool:
    """Say whether there was no connection that a request could have gone out on."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _unanswered(call: HttpCall, to: str | None) -> Permanent | Transient:
    if call.method in MEANS_THE_SAME_TWICE:
        return Transient("no_answer", f"{to} did not answer the {call.method}")
    return Permanent(
        "no_answer",
        f"{to} did not answer the {call.method}, which may have arrived: it is not sent again",
    )
