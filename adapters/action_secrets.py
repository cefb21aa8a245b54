"""The secrets that plans' actions may send, each to one host: a plan names them and never holds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.errors import Permanent
from domain.reach import host_of

LIST = "ACTION_SECRETS"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
KEPT_BACK = "(secret)"
SHORTEST = 4


def key_of(name: str) -> str:
    """Return the setting that holds a secret's value."""
    return f"ACTION_SECRET_{name.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class ActionSecrets:
    """Hosts and values by name; values show in no representation."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str], wrong: list[str]) -> ActionSecrets:
        """Return the secrets of the environment; what is wrong with them is added to ``wrong``, never a value."""
        hosts: dict[str, str] = {}
        values: dict[str, str] = {}
        for entry in filter(None, environ.get(LIST, "").strip().split(",")):
            name, _, host = (part.strip() for part in entry.partition("="))
            if not NAME.fullmatch(name) or host_of(f"https://{host}") != host:
                wrong.append(f"{LIST}: {entry!r} is no secret's name and host; write name=host")
                continue
            value = environ.get(key_of(name), "").strip()
            if not value:
                wrong.append(f"{key_of(name)} is not set: it is the value of the secret {name!r}")
            elif not (value.isascii() and value.isprintable()):
                wrong.append(f"{key_of(name)}: it holds what no header may")
            hosts[name], values[name] = host, value
        return cls(hosts, values)

    def headers(self, wanted: Mapping[str, str], host: str) -> dict[str, str]:
        """Return the values of the named secrets by header; raises Permanent for one that the host may not have."""
        for name in wanted.values():
            if name not in self.hosts:
                raise Permanent(
                    "secret_unknown", f"the app's {LIST} names no secret {name!r}; add it there"
                )
            if self.hosts[name] != host:
                raise Permanent(
                    "secret_elsewhere",
                    f"secret {name!r} goes to {self.hosts[name]} alone, not to {host}",
                )
        return {header: self.values[name] for header, name in wanted.items()}

    def kept_back(self, text: str) -> str:
        """Return a text in which every value is crossed out, also where the text breaks off in it."""
        for value in self.values.values():
            for part in (value, value.rsplit(" ", 1)[-1]):
                if len(part) < SHORTEST:
                    continue
                text = text.replace(part, KEPT_BACK)
                begun = (n for n in range(len(part), SHORTEST - 1, -1) if text.endswith(part[:n]))
                most = next(begun, 0)
                text = text[: len(text) - most] + KEPT_BACK if most else text
        return text
