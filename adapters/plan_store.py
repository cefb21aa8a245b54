"""Where the plans lie: a folder or a container of YAML files, ``NAME.yaml`` for the plan called NAME."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from adapters.container import Container, Credential, Listed, waited_out
from adapters.places import ContainerUrl
from adapters.plan_file import ReadPlan, read_plan
from domain.errors import Permanent, StepError, Transient
from domain.plan import Plan
from domain.plan_rules import Mistake, PlanRefused

log = logging.getLogger("leeward.plans")
SUFFIX = ".yaml"
LARGEST_PLAN = 1_000_000
# Who waits for a storage that is silent waits long; looks that follow one another wait once.
REST_SECONDS = 10


class NoPlans:
    """The shelf of an app that stands by: it holds nothing that the app would look after by itself."""

    def plan(self, name: str) -> Plan:
        """Raise Permanent ``plan_unknown``."""
        raise Permanent("plan_unknown", f"this app stands by and does not look after {name[:60]!r}")

    def names(self) -> Sequence[str]:
        """Return no names."""
        return ()

    def valid(self) -> Sequence[Plan]:
        """Return no plans."""
        return ()

    def each(self) -> Sequence[tuple[str, Plan | PlanRefused | StepError]]:
        """Return no plans."""
        return ()


class Sheet(ABC):
    """One file that should hold a plan."""

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where

    @abstractmethod
    def data(self) -> bytes:
        """Return what the file holds; raises PlanRefused or Transient."""

    def plan(self, read: ReadPlan) -> Plan:
        """Return the plan; raises PlanRefused or Transient."""
        try:
            text = self.data().decode()
        except UnicodeDecodeError as error:
            raise self.refused(f"cannot be read: {error}") from error
        plan = _read_once(read, text, self.where)
        if plan.name != self.name:
            what = f"the plan calls itself {plan.name!r}; name the file {plan.name}.yaml or the plan {self.name!r}"
            raise self.refused(what)
        return plan

    def found(self, read: ReadPlan) -> Plan | PlanRefused | StepError:
        """Return the plan, or why it cannot be had."""
        try:
            return self.plan(read)
        except (PlanRefused, StepError) as error:
            return error

    def refused(self, what: str) -> PlanRefused:
        """Return the refusal of the file as a whole."""
        return PlanRefused(self.where, [Mistake(1, what)])

    def check_size(self, size: int) -> None:
        """Refuse what no plan comes near; raises PlanRefused."""
        if size > LARGEST_PLAN:
            raise self.refused(
                f"has {size:,} bytes; a plan has at most {LARGEST_PLAN:,}, so this is something else"
            )


class StoredPlans(ABC):
    """Looks at the files afresh each time, so that a mended plan counts at once."""

    def __init__(self, read: ReadPlan) -> None:
        self._read = read

    def plan(self, name: str) -> Plan:
        """Return the plan of that name.

        Raises Permanent ``plan_unknown`` where there is none, PlanRefused where it is not valid, Transient
        ``plans_unreachable`` where nobody can tell.
        """
        sheets = self._sheets()
        for sheet in sheets:
            if sheet.name == name:
                return sheet.plan(self._read)
        known = ", ".join(sheet.name for sheet in sheets) or "none"
        raise Permanent("plan_unknown", f"there is no plan {name[:60]!r}; plans are {known}")

    def names(self) -> Sequence[str]:
        """Return the names of all plans, valid or not; raises Transient."""
        return [sheet.name for sheet in self._sheets()]

    def valid(self) -> Sequence[Plan]:
        """Return the valid plans; an invalid one is logged and holds nobody else up. Raises Transient."""
        plans = []
        for _, found in self.each():
            if isinstance(found, Plan):
                plans.append(found)
            else:
                log.error("a plan protects nothing until it is mended: %s", found)
        return plans

    def each(self) -> Sequence[tuple[str, Plan | PlanRefused | StepError]]:
        """Return every plan by its name as one look found it, or why it cannot be had; raises Transient."""
        return [(sheet.name, sheet.found(self._read)) for sheet in self._sheets()]

    @abstractmethod
    def _sheets(self) -> Sequence[Sheet]:
        """Return the files in the order of their names; raises Transient."""


class FolderPlans(StoredPlans):
    """The plans of a folder."""

    def __init__(self, folder: Path, read: ReadPlan = read_plan) -> None:
        super().__init__(read)
        self._folder = folder

    def _sheets(self) -> Sequence[Sheet]:
        return sorted(map(_File, self._folder.glob(f"*{SUFFIX}")), key=lambda sheet: sheet.name)


class BlobPlans(StoredPlans):
    """The plans of a container: one listing a look, and only what changed is fetched.

    Where the container cannot be listed, the plans that were last seen count: a failover must not depend on it.
    """

    def __init__(
        self,
        container: ContainerUrl,
        credential: Credential,
        clock: Callable[[], float] = time.monotonic,
        read: ReadPlan = read_plan,
    ) -> None:
        super().__init__(read)
        self._container = Container(container, credential)
        self._clock = clock
        self._asked_again = 0.0
        self._seen: Mapping[str, _Blob] | None = None
        self._seen_at = datetime.now(UTC)

    def _sheets(self) -> Sequence[Sheet]:
        where = self._container.url
        seen = self._seen
        if seen is not None and self._clock() < self._asked_again:
            return list(seen.values())
        try:
            with waited_out("plans_unreachable", f"the plans in {where} could not be read"):
                listed = [blob for blob in self._container.listed("") if _is_plan(blob)]
        except Transient as error:
            if seen is None:
                raise
            since = f"{self._seen_at:%Y-%m-%d %H:%M:%S}Z"
            log.error("the plans last seen at %s are used: %s", since, error.message)
            self._asked_again = self._clock() + REST_SECONDS
            return list(seen.values())
        sheets = [self._fetched(blob, (seen or {}).get(blob.name)) for blob in listed]
        self._seen, self._seen_at = {sheet.blob: sheet for sheet in sheets}, datetime.now(UTC)
        return sorted(sheets, key=lambda sheet: sheet.name)

    def _fetched(self, blob: Listed, before: _Blob | None) -> _Blob:
        """Return a blob's text, fetched unless it is the one seen before, and whether or not it is asked for now."""
        if before is not None and before.etag == blob.etag:
            return before
        fresh = _Blob(blob.name, f"{self._container.url.name}/{blob.name}")
        try:
            fresh.check_size(blob.size)
            with waited_out("plans_unreachable", f"{fresh.where} could not be read"):
                read = self._container.read(blob.name, LARGEST_PLAN)
                if read is None:
                    raise fresh.refused("was withdrawn just now")
                fresh.etag, fresh.held = read.etag, read.data
        except PlanRefused as refused:
            fresh.held = refused
        except Transient as error:
            fresh.held = error
            if before is not None:
                log.error("the plan is used as it was last seen: %s", error.message)
                return before
        return fresh


class _File(Sheet):
    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, str(path))
        self._path = path

    def data(self) -> bytes:
        try:
            self.check_size(self._path.stat().st_size)
            return self._path.read_bytes()
        except OSError as error:
            raise self.refused(f"cannot be read: {error}") from error


class _Blob(Sheet):
    """A blob as it was last seen: what it held, or why nobody could say."""

    def __init__(self, blob: str, where: str) -> None:
        super().__init__(blob.removesuffix(SUFFIX), where)
        self.blob = blob
        self.etag = ""
        self.held: bytes | PlanRefused | Transient = b""

    def data(self) -> bytes:
        if isinstance(self.held, bytes):
            return self.held
        raise self.held.with_traceback(None)


def plans_at(
    place: Path | ContainerUrl, credential: Credential, read: ReadPlan = read_plan
) -> StoredPlans:
    """Return the plans of the place that the setting names."""
    if isinstance(place, Path):
        return FolderPlans(place, read)
    return BlobPlans(place, credential, read=read)


def _is_plan(blob: Listed) -> bool:
    return blob.name.endswith(SUFFIX)


@lru_cache(maxsize=256)
def _read_once(read: ReadPlan, text: str, where: str) -> Plan:
    """Return the plan that a text holds: timers ask every few minutes, and texts seldom change."""
    return read(text, where)
