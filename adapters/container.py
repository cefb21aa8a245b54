"""A blob container: the few things that stores ask of it, each in one request that is bounded in time and size."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)

from adapters.azure_errors import retry_after
from adapters.places import ContainerUrl
from domain.errors import Transient

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient

Credential = Callable[[], "TokenCredential"]
# Retries are durable timers, or the next beat of a trigger: the SDK's own would sleep for a minute inside an activity.
CALM: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 15}
FIRST_BYTES = 1_000_000
THERE_ALREADY = {"BlobAlreadyExists", "BlobImmutableDueToPolicy", "ConditionNotMet"}
NOT_THERE = {"BlobNotFound"}
TAKES_NO_MORE = {"BlockCountExceedsLimit", "BlobIsSealed", "InvalidBlobType"}
MADE_BY = "madeby"
MEDIA = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".html": "text/html",
}


class TooLarge(Exception):
    """A blob is larger than anything that belongs there."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One blob of a listing; ``etag`` changes whenever the blob does."""

    name: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a blob held, and the ETag that it had then."""

    data: bytes
    etag: str


class Container:
    """One container, opened with the app's identity; the SDK is imported when it is first asked for something.

    Every method raises what azure-core raises; `waited_out` turns that into a Transient.
    """

    def __init__(self, url: ContainerUrl, credential: Credential) -> None:
        self.url = url
        self._credential = credential
        self._client: ContainerClient | None = None
        self._lock = Lock()

    def make(self, name: str, data: bytes) -> bool:
        """Make a blob unless there is one, and say whether this call made it."""
        mark = uuid.uuid4().hex
        try:
            self._put(name, data, overwrite=False, metadata={MADE_BY: mark})
        except (HttpResponseError, ServiceResponseError) as error:
            if _code(error) in THERE_ALREADY:
                return False
            # The answer was lost, or spoke of trouble half-way: the blob itself knows whose it is.
            if not (_may_have_landed(error) and self._is_marked(name, mark)):
                raise
        return True

    def put(self, name: str, data: bytes) -> None:
        """Make a blob or replace it, in one piece."""
        self._put(name, data, overwrite=True)

    def read(self, name: str, most: int) -> Read | None:
        """Return what a blob holds, None where there is none; raises TooLarge above ``most`` bytes."""
        try:
            stream = self._opened().download_blob(name)
        except ResourceNotFoundError as error:
            if _code(error) in NOT_THERE:
                return None
            raise
        if stream.size > most:  # so far, the first FIRST_BYTES alone were fetched
            raise TooLarge(f"{name} has {stream.size:,} bytes; at most {most:,} are read")
        return Read(bytes(stream.readall()), stream.properties.etag.strip('"'))

    def listed(self, below: str) -> Iterator[Listed]:
        """Yield the blobs whose names begin so, those in folders further down left out."""
        from azure.storage.blob import BlobProperties

        for blob in self._opened().walk_blobs(name_starts_with=below, delimiter="/"):
            if isinstance(blob, BlobProperties):
                yield Listed(blob.name, blob.etag.strip('"'), blob.size)

    def append(self, name: str, data: bytes) -> bool:
        """Append to a blob, made if need be, and say whether it took it: it may be full, or of another kind."""
        blob = self._opened().get_blob_client(name)
        try:
            try:
                blob.append_block(data)
            except ResourceNotFoundError as error:
                if _code(error) not in NOT_THERE:
                    raise
                self._begin(name)
                blob.append_block(data)
        except HttpResponseError as error:
            if _code(error) in TAKES_NO_MORE:
                return False
            raise
        return True

    def _begin(self, name: str) -> None:
        from azure.storage.blob import ContentSettings

        blob = self._opened().get_blob_client(name)
        try:
            blob.create_append_blob(
                ContentSettings(content_type=_media(name)),
                match_condition=MatchConditions.IfMissing,
            )
        except ResourceExistsError as error:
            if _code(error) not in THERE_ALREADY:
                raise  # somebody else began it just now, and that is as good

    def _put(self, name: str, data: bytes, **how: Any) -> None:
        from azure.storage.blob import ContentSettings

        settings = ContentSettings(content_type=_media(name))
        self._opened().upload_blob(name, data, content_settings=settings, **how)

    def _is_marked(self, name: str, mark: str) -> bool:
        try:
            properties = self._opened().get_blob_client(name).get_blob_properties()
        except AzureError:
            return False
        return (properties.metadata or {}).get(MADE_BY) == mark

    def _opened(self) -> ContainerClient:
        with self._lock:
            if self._client is None:
                from azure.storage.blob import ContainerClient

                self._client = ContainerClient(
                    self.url.account,
                    self.url.name,
                    self._credential(),
                    max_single_get_size=FIRST_BYTES,
                    **CALM,
                )
            return self._client


@contextmanager
def waited_out(code: str, what: str) -> Iterator[None]:
    """Turn every failure of a container into a Transient that says what could not be done."""
    try:
        yield
    except AzureError as error:
        first = str(error.message).partition("\n")[0]
        said = f"{_code(error)}: {first}" if _code(error) else first
        raise Transient(code, f"{what}: {said}", retry_after(error)) from error
    except TooLarge as error:
        raise Transient(code, f"{what}: {error}") from error


def _code(error: AzureError) -> str:
    """Return Storage's own word for what was wrong; an enumeration where the SDK knows it."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _may_have_landed(error: AzureError) -> bool:
    """Say whether a write may have been done all the same: only a plain refusal says that it was not."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status is None or not 400 <= status < 500


def _media(name: str) -> str:
    ending = name[name.rfind(".") :]
    return f"{MEDIA.get(ending, 'text/plain')}; charset=utf-8"
