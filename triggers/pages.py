"""Lists come a page at a time: what a query may say of it, and where the next page is."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode

import azure.functions as func
from pydantic import Field

from domain.model import Model

LIMITS = range(1, 101)
USUAL_LIMIT = 20
KEY = "code"  # the function key, which callers may send with the query


class Misread(Exception):
    """The query is not one that this door takes."""


class PageWanted(Model):
    """What every list's query may say; ``next`` of a page is the path of the one after it, with its query."""

    limit: Annotated[
        int, Field(ge=LIMITS[0], le=LIMITS[-1], description="How many make a page.")
    ] = USUAL_LIMIT
    after: Annotated[
        str | None, Field(description="The last one of the page before, as `next` has it.")
    ] = None


def limit_of(req: func.HttpRequest, query: type[PageWanted], what: str) -> int:
    """Return how many make a page; raises Misread for that and for a key that the query has not got."""
    known = list(query.model_fields)
    unknown = sorted(set(req.params) - {*known, KEY})
    if unknown:
        names = ", ".join(known[:-1]) + f" and {known[-1]}"
        raise Misread(f"{unknown[0][:40]} is no filter; {what} are asked for by {names}")
    limit = req.params.get("limit", str(USUAL_LIMIT))
    if not (re.fullmatch(r"[0-9]{1,3}", limit) and int(limit) in LIMITS):
        raise Misread(f"limit is a number from {LIMITS[0]} to {LIMITS[-1]}")
    return int(limit)


def next_page(path: str, **query: str | int | None) -> str:
    """Return the path of a page with its query."""
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}"
