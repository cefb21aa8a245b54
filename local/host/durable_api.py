"""The management API of durable instances, as the extension serves it under its webhook."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from local.clock import Clock
from local.host.answer import Answer
from local.host.contract import (
    Engine,
    FunctionNotFound,
    InstanceBusy,
    InstanceEnded,
    InstanceNotFound,
    Status,
)
from local.host.durable_client import DurableUrls
from local.host.shown_history import shown_history

_ENDED = ("Completed", "Failed", "Terminated", "Canceled")
_STATES = ("Running", "Completed", "ContinuedAsNew", "Failed", "Canceled", "Terminated", "Pending")
_TOKEN = "x-ms-continuation-token"


class DurableApi:
    """Answers the calls that the SDK's client, and anybody with the key, make.

    Every method blocks on the engine: call `answer` from a thread that may wait.
    """

    def __init__(self, engine: Engine, urls: DurableUrls, clock: Clock) -> None:
        self._engine = engine
        self._urls = urls
        self._clock = clock

    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        url: str,
    ) -> Answer:
        """Answer a request for the path below the webhook; ``url`` is what the caller asked for."""
        call = _Call(self._engine, self._urls, self._clock, query, headers, body, url)
        # The extension decodes the whole path first: an escaped slash parts segments here.
        parts = unquote_plus(path).strip("/").split("/")
        try:
            return call.route(method, parts)
        except InstanceNotFound:
            return Answer(404)
        except InstanceEnded:
            return Answer(410)
        except InstanceBusy as error:
            return _error(409, str(error))
        except FunctionNotFound as error:
            return _error(400, str(error), error)
        except _BadContent as error:
            return _error(400, error.message, error)
        except ValueError as error:
            return _error(400, str(error), error)
        except Exception as error:
            return _error(500, "Something went wrong while processing your request", error)


class _BadContent(ValueError):
    def __init__(self, message: str, detail: str) -> None:
        super().__init__(detail)
        self.message = message


class _Call:
    """One request to the API."""

    def __init__(
        self,
        engine: Engine,
        urls: DurableUrls,
        clock: Clock,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        url: str,
    ) -> None:
        self.engine = engine
        self.urls = urls
        self.clock = clock
        self.query = {name.lower(): value for name, value in query.items()}
        self.headers = headers
        self.body = body
        self.url = url

    def route(self, method: str, parts: list[str]) -> Answer:
        if not all(parts):
            return Answer(404)
        match parts[0].lower(), *parts[1:]:
            case "orchestrators", name if method == "POST":
                return self.start(name, None)
            case "orchestrators", name, instance_id if method == "POST":
                return self.start(name, instance_id)
            case ("entities", *address) if len(address) <= 2:
                return self.entities(method, address)
            case ("instances",):
                return self.instances(method)
            case "instances", instance_id:
                return self.instance(method, instance_id)
            case "instances", instance_id, operation if method == "POST":
                return self.steer(instance_id, operation.lower())
            case "instances", instance_id, word, name if method == "POST":
                return (
                    self.raise_event(instance_id, name) if _is(word, "raiseEvent") else Answer(404)
                )
            case ("makeprimary",):
                return Answer(200)
        return Answer(404)

    # -- orchestrations ----------------------------------------------------------------

    def start(self, name: str, instance_id: str | None) -> Answer:
        payload = self.json_body("Invalid JSON content") if self.body else None
        started = self.engine.start_new(name, payload, instance_id, self.query.get("version"))
        return self.begun(started)

    def begun(self, instance_id: str) -> Answer:
        """Answer with the addresses to watch, or with the end if the caller waits for it."""
        timeout, interval = self.seconds("timeout"), self.seconds("pollinginterval")
        if timeout is not None and interval is not None:
            status = self.wait(instance_id, timeout, interval)
            if status.runtime_status == "Completed":
                return Answer.of_json(200, status.output)
            if status.runtime_status in _ENDED:
                return Answer.of_json(200, _shown(status, with_input=True))
        links = self.urls.management(instance_id, _origin(self.url))
        del links["rewindPostUri"]
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return Answer.of_json(202, links, headers)

    def wait(self, instance_id: str, timeout: float, interval: float) -> Status:
        deadline = time.monotonic() + timeout
        while True:
            status = self.engine.status(instance_id)
            left = deadline - time.monotonic()
            if status.runtime_status in _ENDED or left <= 0:
                return status
            time.sleep(min(interval, left))

    def instances(self, method: str) -> Answer:
        if method == "DELETE":
            return self.purge_where()
        if method != "GET":
            return Answer(404)
        page, token = self.engine.query(
            created_from=self.moment("createdtimefrom"),
            created_to=self.moment("createdtimeto"),
            statuses=self.statuses(),
            id_prefix=self.query.get("instanceidprefix") or None,
            limit=self.number("top") or 100,
            continuation=self.headers.get(_TOKEN) or None,
        )
        with_input = self.flag("showinput", True)
        shown = [_shown(status, with_input) for status in page]
        return Answer.of_json(200, shown, {_TOKEN: token or ""})

    def purge_where(self) -> Answer:
        created_from = self.moment("createdtimefrom")
        if created_from is None:
            return Answer.of_json(400, "Please provide value for 'createdTimeFrom' parameter.")
        created_to = self.moment("createdtimeto") or self.clock.now()
        purged = self.engine.purge_where(created_from, created_to, self.statuses())
        return Answer.of_json(200, {"instancesDeleted": purged}) if purged else Answer(404)

    def instance(self, method: str, instance_id: str) -> Answer:
        if method == "GET":
            return self.status(instance_id)
        if method != "DELETE":
            return Answer(404)
        if not instance_id.startswith("@"):
            state = self.engine.status(instance_id).runtime_status
            if state not in _ENDED:
                return Answer.of_json(
                    412,
                    "Only orchestrations in a terminal state can be purged, but the orchestration"
                    f" with instance ID {instance_id} has status {state}",
                )
        return Answer.of_json(200, {"instancesDeleted": self.engine.purge(instance_id)})

    def status(self, instance_id: str) -> Answer:
        with_history = self.flag("showhistory", False)
        status = self.engine.status(instance_id, with_history)
        shown = _shown(status, self.flag("showinput", True))
        if with_history:
            shown["historyEvents"] = shown_history(
                status.history,
                self.flag("showinput", True),
                self.flag("showhistoryoutput", False),
            )
        if status.runtime_status not in _ENDED:
            return Answer.of_json(202, shown, {"Location": self.url, "Retry-After": "5"})
        as_error = self.flag("returninternalservererroronfailure", False)
        return Answer.of_json(500 if as_error and status.runtime_status == "Failed" else 200, shown)

    def steer(self, instance_id: str, operation: str) -> Answer:
        reason = self.query.get("reason", "")
        if operation == "restart":
            return self.restart(instance_id)
        if operation == "rewind":
            return self.rewind(instance_id, reason)
        verbs: dict[str, Callable[[str, str], None]] = {
            "terminate": self.engine.terminate,
            "suspend": self.engine.suspend,
            "resume": self.engine.resume,
        }
        if operation not in verbs:
            return Answer(404)
        self.not_ended(instance_id)
        verbs[operation](instance_id, reason)
        return Answer(202)

    def rewind(self, instance_id: str, reason: str) -> Answer:
        state = self.engine.status(instance_id).runtime_status
        if state != "Failed":
            return Answer.of_json(
                412,
                f"This orchestration has status {state}, but only orchestrations in the"
                ' "Failed" state can be rewound.',
            )
        self.engine.rewind(instance_id, reason)
        return Answer(202)

    def restart(self, instance_id: str) -> Answer:
        try:
            with_new_id = self.flag("restartwithnewinstanceid", True)
            return self.begun(self.engine.restart(instance_id, with_new_id))
        except InstanceNotFound as error:
            message = "InstanceId does not match a valid orchestration instance."
            return _error(400, message, error)
        except InstanceBusy as error:
            message = "A non-terminal instance with this instance ID already exists."
            return _error(409, message, error)

    def raise_event(self, instance_id: str, name: str) -> Answer:
        self.not_ended(instance_id)
        if not self.is_json():
            return _error(400, "Only application/json request content is supported")
        self.engine.raise_event(instance_id, name, self.json_body("Invalid JSON content"))
        return Answer(202)

    def not_ended(self, instance_id: str) -> None:
        if self.engine.status(instance_id).runtime_status in _ENDED:
            raise InstanceEnded(instance_id)

    # -- entities ----------------------------------------------------------------------

    def entities(self, method: str, address: list[str]) -> Answer:
        if method == "GET" and len(address) == 2:
            return self.entity(address[0].lower(), address[1])
        if method == "GET":
            return self.list_entities(address[0].lower() if address else None)
        if method in ("POST", "DELETE") and len(address) == 2:
            operation = "delete" if method == "DELETE" else self.query.get("op", "")
            self.engine.signal_entity(
                address[0].lower(), address[1], operation, self.operation_input()
            )
            return Answer(202)
        return Answer(404)

    def operation_input(self) -> str | None:
        if not self.body:
            return None
        if self.is_json():
            return self.json_body("Could not parse JSON content")
        return json.dumps(self.body.decode(errors="replace"))

    def entity(self, name: str, key: str) -> Answer:
        state = self.engine.entity_state(name, "" if key == "$" else key)
        return Answer(404) if state is None else Answer.of_json(200, json.loads(state))

    def list_entities(self, name: str | None) -> Answer:
        since, until = self.moment("lastoperationtimefrom"), self.moment("lastoperationtimeto")
        with_state = self.flag("fetchstate", False)
        shown = []
        for entity, key, last in self.engine.entities(name):
            if (since and last < since) or (until and last > until):
                continue
            state = self.engine.entity_state(entity, key) if with_state else None
            shown.append(
                {
                    "entityId": {"name": entity, "key": key},
                    "lastOperationTime": last.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                    "state": json.loads(state) if state else None,
                }
            )
        limit = self.number("top") or 100
        begin = int(token) if (token := self.headers.get(_TOKEN, "")).isdigit() else 0
        end = begin + limit
        return Answer.of_json(200, shown[begin:end], {_TOKEN: str(end) if end < len(shown) else ""})

    # -- what a request carries --------------------------------------------------------

    def is_json(self) -> bool:
        media_type = self.headers.get("content-type", "").partition(";")[0].strip()
        return media_type.lower() == "application/json"

    def json_body(self, message: str) -> str:
        try:
            return json.dumps(json.loads(self.body))
        except ValueError as error:
            raise _BadContent(message, str(error)) from error

    def flag(self, name: str, otherwise: bool) -> bool:
        value = self.query.get(name, "").strip().lower()
        return value == "true" if value in ("true", "false") else otherwise

    def number(self, name: str) -> int | None:
        value = self.query.get(name, "")
        return int(value) if value.isascii() and value.isdigit() else None

    def seconds(self, name: str) -> float | None:
        try:
            return timedelta(seconds=float(self.query[name])).total_seconds()
        except (KeyError, ValueError, OverflowError):
            return None

    def moment(self, name: str) -> datetime | None:
        """Return a time of the query; what is no time is passed over, as in Azure."""
        value = self.query.get(name, "").strip().replace(" ", "+")
        year, dash, rest = value.partition("-")
        try:
            moment = datetime.fromisoformat(year.zfill(4) + dash + rest)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def statuses(self) -> tuple[str, ...]:
        asked = self.query.get("runtimestatus", "").split(",")
        return tuple(name for name in asked if name in (*_STATES, "Suspended"))


def _is(word: str, name: str) -> bool:
    return word.lower() == name.lower()


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _shown(status: Status, with_input: bool) -> dict[str, Any]:
    return {
        "name": status.name,
        "instanceId": status.instance_id,
        "runtimeStatus": status.runtime_status,
        "input": status.input if with_input else None,
        "customStatus": status.custom_status,
        "output": status.output,
        "createdTime": _second(status.created_at),
        "lastUpdatedTime": _second(status.updated_at),
    }


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(status: int, message: str, error: Exception | None = None) -> Answer:
    shown = {"Message": message}
    if error is not None:
        shown |= {"ExceptionMessage": str(error), "ExceptionType": type(error).__name__}
    return Answer.of_json(status, shown)
