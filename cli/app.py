"""The app over HTTP, with the standard library alone: where it is, who asks, and what it said no to."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

URL, TOKEN, KEY = "LEEWARD_URL", "LEEWARD_TOKEN", "LEEWARD_KEY"
USUAL_URL = "http://127.0.0.1:7071"
WITHIN_SECONDS = 120
DONE, SAID_NO, UNUSABLE = 0, 1, 2

Json = dict[str, Any]


class SaidNo(Exception):
    """The app answered, and refused: what it said, with the mend where it gave one."""

    def __init__(self, status: int, told: Json) -> None:
        self.status = status
        self.told = told
        super().__init__(str(told.get("detail") or told.get("title") or f"HTTP {status}"))

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the refusal line by line; a plan's mistakes each have one."""
        mistakes = self.told.get("mistakes") or ()
        return (str(self), *(f"  line {m['line']}: {m['what']}" for m in mistakes))


class Unusable(Exception):
    """The app cannot be asked: it is not there, or the command does not say where it is."""


class _Nowhere(HTTPRedirectHandler):
    """Follows nobody elsewhere: a token goes to the app that it was meant for."""

    def redirect_request(self, *_: Any) -> None:
        return None


class App:
    """The app at a base URL."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unusable(f"{url!r} is no address of an app; set {URL} to https://NAME")
        self._base = url.rstrip("/")
        self._headers = {"accept": "application/json"}
        if environ.get(TOKEN):
            self._headers["authorization"] = f"Bearer {environ[TOKEN]}"
        if environ.get(KEY):
            self._headers["x-functions-key"] = environ[KEY]
        if environ.get(TOKEN) and parts.scheme == "http" and parts.hostname not in _HERE:
            raise Unusable(f"{TOKEN} is not sent over http to {parts.hostname}; use https")
        self._opener = build_opener(_Nowhere)

    def get(self, *path: str, **query: str) -> Json:
        """Return what the app shows."""
        return _object(self._fetch("GET", path, query, None))

    def text(self, *path: str, **query: str) -> str:
        """Return what the app shows, as it is."""
        return self._fetch("GET", path, query, None).decode("utf-8", "replace")

    def post(self, *path: str, body: Json | None = None) -> Json:
        """Ask the app to do something and return its answer."""
        return _object(self._fetch("POST", path, {}, body or {}))

    def _fetch(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str], body: Json | None
    ) -> bytes:
        where = "/".join(quote(part, safe="") for part in path)
        asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        url = f"{self._base}/api/{where}" + (f"?{asked}" if asked else "")
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({"content-type": "application/json"} if data else {})
        request = Request(url, data, headers, method=method)  # http and https alone: see __init__
        try:
            with self._opener.open(request, timeout=WITHIN_SECONDS) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            with error:
                told = _object(error.read(), {"detail": _in_words(error)})
            raise SaidNo(error.code, told) from error
        except (URLError, HTTPException, OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise Unusable(
                f"{self._base} does not answer: {why}; is the app there? {URL} says where it is"
            ) from error


_HERE = ("127.0.0.1", "localhost", "::1")


def add_command(
    commands: Commands, name: str, says: str, do: Callable[[App, argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a command that asks the app, and return its parser for what else it takes."""
    parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
    parser.add_argument(
        "--url",
        default=os.environ.get(URL) or USUAL_URL,
        help=f"where the app is; {URL}, or {USUAL_URL} where that is not set",
    )

    def run(asked: argparse.Namespace) -> int:
        try:
            return do(App(asked.url, os.environ), asked)
        except SaidNo as no:
            complain(*no.lines)
            return SAID_NO
        except Unusable as error:
            complain(str(error))
            return UNUSABLE

    parser.set_defaults(run=run)
    return parser


def say(text: str) -> None:
    """Print a line to whoever reads on."""
    sys.stdout.write(f"{one_line(text)}\n")


def complain(*lines: str) -> None:
    """Print lines to whoever watches."""
    for number, line in enumerate(lines):
        sys.stderr.write(("" if number else "leeward: ") + f"{one_line(line)}\n")


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows below their heads, each column as wide as it has to be."""
    lines = [heads, *(tuple(one_line(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def one_line(text: str) -> str:
    """Return text that cannot forge a second line or steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _object(data: bytes, otherwise: Json | None = None) -> Json:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    if otherwise is not None:
        return otherwise
    raise Unusable(f"what answers is not Leeward: its answer is no JSON object; see {URL}")


def _in_words(error: HTTPError) -> str:
    mend = {
        401: f"; set {TOKEN} to a token of yours, and {KEY} where the app asks for a key",
        403: "; your token lacks the role for this",
    }
    return f"HTTP {error.code} {error.reason}{mend.get(error.code, '')}"
