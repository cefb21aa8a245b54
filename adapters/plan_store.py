"""Where the plans lie: a folder of YAML files, ``NAME.yaml`` for the plan called NAME."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from adapters.plan_file import read_plan
from domain.errors import Permanent
from domain.plan import Plan
from domain.plan_rules import Mistake, PlanRefused

log = logging.getLogger("leeward.plans")


class FolderPlans:
    """Reads plans afresh each time, so that a mended plan counts at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, name: str) -> Plan:
        """Return the plan of that name.

        Raises Permanent ``plan_unknown`` where there is none, PlanRefused where it is not valid.
        """
        for path in self._files():
            if path.stem == name:
                return self._read(path)
        raise Permanent(
            "plan_unknown",
            f"there is no plan {name[:60]!r}; plans are {', '.join(self.names()) or 'none'}",
        )

    def names(self) -> Sequence[str]:
        """Return the names of all plans, valid or not."""
        return [path.stem for path in self._files()]

    def valid(self) -> Sequence[Plan]:
        """Return the valid plans; an invalid one is logged and holds nobody else up."""
        plans = []
        for path in self._files():
            try:
                plans.append(self._read(path))
            except PlanRefused as error:
                log.error("a plan protects nothing until it is mended: %s", error)
        return plans

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.yaml"))

    def _read(self, path: Path) -> Plan:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PlanRefused(str(path), [Mistake(1, f"cannot be read: {error}")]) from error
        plan = _read_once(text, str(path))
        if plan.name != path.stem:
            what = f"the plan calls itself {plan.name!r}; name the file {plan.name}.yaml or the plan {path.stem!r}"
            raise PlanRefused(str(path), [Mistake(1, what)])
        return plan


@lru_cache(maxsize=256)
def _read_once(text: str, where: str) -> Plan:
    """Return the plan that a text holds: timers ask every few minutes, and texts seldom change."""
    return read_plan(text, where)
