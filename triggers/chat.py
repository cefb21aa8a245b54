"""The doors for chats: Slack commands and buttons, and what may be read from Teams.

A chat asks for what the HTTP API does, in the name of the person whom the account belongs to; nothing is possible here
that is not possible there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

import azure.durable_functions as df
import azure.functions as func
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.caller import Caller, Role
from domain.chat import READS, Asked, Message, Misunderstood, Person, understand
from domain.errors import Permanent, StepError
from domain.model import Recorded
from domain.run import Verdict
from triggers.answers import ChatSaid
from triggers.chat_requests import ChatRequests
from triggers.operation import operation
from triggers.web import BadBody, answer, object_in, problem, read_object

# Slack waits three seconds; the rest is the way there and back.
ACKNOWLEDGE_SECONDS = 2.2
MOST_FIELDS = 40
WORKING = Message(
    title="Working on it", text="It takes longer than a chat waits; ask for the status."
)
log = logging.getLogger("leeward.chat")


class SlackApp(Protocol):
    """The workspace app, to us."""

    def prove(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Return the proof that Slack sent these bytes lately; raises Permanent."""
        ...

    def reply(self, to: str, message: Message) -> None:
        """Replace the message that a button was pressed in; raises StepError."""
        ...

    def words(self, message: Message) -> dict[str, Any]:
        """Return a message as Slack takes it."""
        ...


class TeamsChannel(Protocol):
    """The Teams channel, to us."""

    def prove(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check that Teams signed these bytes; raises Permanent."""
        ...

    def is_late(self, sent_at: datetime, now: datetime) -> bool:
        """Say whether a message was written too long ago, or is yet to come."""
        ...

    def words(self, message: Message) -> dict[str, Any]:
        """Return a message as Teams takes it."""
        ...


class Directory(Protocol):
    """Whom chat accounts belong to."""

    def person(self, channel: str, account: str) -> Person | None:
        """Return the person, None where nobody knows the account; raises StepError."""
        ...


class Ledger(Protocol):
    """What has been heard before, by whichever instance of the app."""

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        ...


class SlackSent(BaseModel):
    """What Slack sends of a slash command, or in ``payload``, as JSON, of a button that was pressed."""

    model_config = ConfigDict(extra="allow")

    text: str = ""
    team_id: str = ""
    user_id: str = ""
    payload: str | None = None


class TeamsSent(BaseModel):
    """What an outgoing webhook of Teams sends: what was said, by whom, and when."""

    model_config = ConfigDict(extra="allow")

    id: str = ""
    timestamp: AwareDatetime
    text: str = ""
    sender: Annotated[dict[str, Any], Field(alias="from")] = {}


class Pressed(Recorded):
    """What a button carries: an answer to one question about one digest."""

    run: str
    gate: str
    digest: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Chat:
    """Hears people out, and answers in their channel."""

    requests: ChatRequests
    people: Directory
    ledger: Ledger
    slack: SlackApp
    teams: TeamsChannel

    @operation(
        {HTTPStatus.OK: {"application/json": ChatSaid, "text/plain": None}},
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.CONFLICT,
        body=SlackSent,
        body_type="application/x-www-form-urlencoded",
        proofs=("slackSignature", "slackTimestamp"),
    )
    async def on_slack(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Take a slash command or a pressed button: acknowledged within three seconds, each signature once."""
        now = datetime.now(UTC)
        try:
            proof = self.slack.prove(req.headers, req.get_body(), now)
        except Permanent as error:
            log.warning("a Slack request was refused: %s", error.message)
            return problem(HTTPStatus.UNAUTHORIZED, error.message)
        fields = _fields(req.get_body())
        if not await asyncio.to_thread(
            self.ledger.claim, f"slack/{proof}", {"at": now.isoformat()}
        ):
            return problem(HTTPStatus.CONFLICT, "this request was taken before")
        if "payload" in fields:
            return await self._on_button(object_in(fields["payload"].encode(), "payload"), client)
        return await self._on_command(fields, client)

    @operation(
        {HTTPStatus.OK: ChatSaid},
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.CONFLICT,
        body=TeamsSent,
        proofs=("teamsSignature",),
    )
    async def on_teams(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Answer what may be read; a signature of Teams' holds no time, so nothing may be decided by it."""
        try:
            self.teams.prove(req.headers, req.get_body())
        except Permanent as error:
            log.warning("a Teams request was refused: %s", error.message)
            return problem(HTTPStatus.UNAUTHORIZED, error.message)
        activity = read_object(req)
        if self.teams.is_late(_time(activity.get("timestamp")), datetime.now(UTC)):
            return problem(HTTPStatus.UNAUTHORIZED, "the message is not of these five minutes")
        heard = hashlib.sha256(str(activity.get("id", "")).encode()).hexdigest()
        if not await asyncio.to_thread(self.ledger.claim, f"teams/{heard}", {}):
            return problem(HTTPStatus.CONFLICT, "this message was taken before")
        sender = activity.get("from")
        account = sender.get("aadObjectId") if isinstance(sender, dict) else None
        said = await self._said("teams", str(account), _line(activity.get("text")), client, READS)
        return answer(self.teams.words(said))

    async def _on_command(
        self, fields: Mapping[str, str], client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        account = f"{fields.get('team_id', '')}/{fields.get('user_id', '')}"
        said = await _in_time(self._said("slack", account, fields.get("text", ""), client))
        return answer(self.slack.words(said))

    async def _on_button(
        self, payload: dict[str, Any], client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        pressed = _pressed(payload)
        team, user = payload.get("team"), payload.get("user")
        ids = [one.get("id", "") if isinstance(one, dict) else "" for one in (team, user)]
        said = await _in_time(self._decided(f"{ids[0]}/{ids[1]}", pressed, client))
        try:
            await asyncio.to_thread(self.slack.reply, str(payload.get("response_url", "")), said)
        except (
            StepError
        ) as error:  # the decision lies on the desk; that the message stays as it was harms nobody
            log.warning("a pressed button could not be answered: %s", error.message)
        return func.HttpResponse(status_code=HTTPStatus.OK.value)

    async def _said(
        self,
        channel: str,
        account: str,
        line: str,
        client: df.DurableOrchestrationClient,
        only: frozenset[Any] | None = None,
    ) -> Message:
        """Do what a line asks for in the name of whom the account belongs to."""
        try:
            asked: Asked = understand(line)
            if only is not None and asked.verb not in only:
                return Message(
                    title="Not from here", text="This channel may only read; use the approval page."
                )
            caller = await self._caller(channel, account)
        except Misunderstood as error:
            return Message(title="Not understood", text=str(error))
        except Permanent as error:
            return Message(title="Not done", text=error.message)
        return await self.requests.carry_out(asked, caller, client)

    async def _decided(
        self, account: str, pressed: Pressed, client: df.DurableOrchestrationClient
    ) -> Message:
        try:
            caller = await self._caller("slack", account)
        except Permanent as error:
            return Message(title="Not done", text=error.message)
        return await self.requests.decide(
            pressed.run, pressed.gate, pressed.digest, pressed.verdict, caller, client
        )

    async def _caller(self, channel: str, account: str) -> Caller:
        person = await asyncio.to_thread(self.people.person, channel, account)
        if person is None:
            raise Permanent(
                "account_unknown",
                f"the account {account[:60]} belongs to nobody here; have it added to the people file",
            )
        objection = person.caller.objection_to(Role.READ)
        if objection:
            raise Permanent("not_allowed", objection)
        return person.caller


async def _in_time(work: Awaitable[Message]) -> Message:
    """Return what the work says, or that it goes on: it is not broken off."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=ACKNOWLEDGE_SECONDS)
    return task.result() if done else WORKING


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise BadBody("the body is no form as Slack sends it") from error
    if len(dict(pairs)) < len(pairs):
        raise BadBody("a field of the form is there twice")
    return dict(pairs)


def _pressed(payload: Mapping[str, Any]) -> Pressed:
    try:
        (action,) = payload["actions"]
        value = object_in(action["value"].encode(), "the button's value")
        return Pressed.model_validate_json(json.dumps(value), strict=True)
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadBody("payload holds no button of ours") from error


def _time(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadBody("timestamp is no time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _line(text: object) -> str:
    """Return what was said to Leeward, without the mention that called it."""
    said = str(text or "").replace("&nbsp;", " ")
    return said.rpartition("</at>")[2].strip()
