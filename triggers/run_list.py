"""The runs there were, newest first: a page at a time, from the book of runs."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field

from orchestrators.names import BOOK
from triggers.operation import operation
from triggers.pages import Misread, PageWanted, limit_of, next_page
from triggers.run_answers import RunsShown
from triggers.run_view import Shown, brief
from triggers.runs import entity_id
from triggers.web import answer, problem

STATES = ("running", "waiting", "ended")
# So many runs are asked where they stand for one page; beyond, the page ends and says where to go on.
MOST_LOOKS = 200


class Wanted(NamedTuple):
    """Which runs are asked for: how many of which plan in which state, and the last one shown before."""

    limit: int
    plan: str | None
    state: str | None
    after: str | None


class RunsWanted(PageWanted):
    """The query for runs."""

    plan: Annotated[str | None, Field(description="Runs of this plan alone.")] = None
    state: Annotated[
        Literal["running", "waiting", "ended"] | None,
        Field(description="Runs in this state alone."),
    ] = None


@operation({HTTPStatus.OK: RunsShown}, HTTPStatus.BAD_REQUEST, query=RunsWanted)
async def list_runs(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Return a page of runs, newest first, and where the next page is."""
    try:
        wanted = _wanted(req)
    except Misread as error:
        return problem(HTTPStatus.BAD_REQUEST, str(error))
    entries = await _entries(client, wanted)
    found: list[Shown] = []
    seen = 0
    while seen < min(len(entries), MOST_LOOKS) and len(found) < wanted.limit:
        turn = entries[seen : seen + wanted.limit - len(found)]
        shown = await asyncio.gather(*(_shown(client, entry) for entry in turn))
        found += [run for run in shown if run and wanted.state in (None, run["state"])]
        seen += len(turn)
    more = _next(wanted, entries[seen - 1]["run"]) if seen < len(entries) else None
    return answer({"runs": found, "next": more})


async def _entries(client: df.DurableOrchestrationClient, wanted: Wanted) -> list[dict[str, Any]]:
    """Return what the book holds of the plan, newest first; after a run that has left it, nothing older is left."""
    book = await client.read_entity_state(entity_id(BOOK))
    entries = book.entity_state["runs"][::-1] if book.entity_exists else []
    if wanted.after is not None:
        names = [entry["run"] for entry in entries]
        entries = entries[names.index(wanted.after) + 1 :] if wanted.after in names else []
    return [entry for entry in entries if wanted.plan in (None, entry["plan"])]


async def _shown(client: df.DurableOrchestrationClient, entry: dict[str, Any]) -> Shown | None:
    """Return an entry of the book with where its run stands; one whose history was purged is left out."""
    stands = await brief(client, entry["run"])
    return stands and {**stands, **entry, "href": f"/api/runs/{entry['run']}"}


def _wanted(req: func.HttpRequest) -> Wanted:
    limit, state = limit_of(req, RunsWanted, "runs"), req.params.get("state")
    if state is not None and state not in STATES:
        raise Misread(f"state is one of {', '.join(STATES)}")
    return Wanted(limit, req.params.get("plan"), state, req.params.get("after"))


def _next(wanted: Wanted, last: str) -> str:
    return next_page("/api/runs", **wanted._replace(after=last)._asdict())
