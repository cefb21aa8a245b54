"""Which durable functions there are, and what Azure says of those there are not."""

from __future__ import annotations

from local.host.contract import App, FunctionNotFound


class KnownFunctions:
    """The names of the app's durable functions by kind."""

    def __init__(self, app: App) -> None:
        self._names = app.durable_names()

    def require(self, kind: str, name: str) -> None:
        """Raise FunctionNotFound unless the app has a function of that kind and name."""
        known = self._names.get(kind, frozenset())
        if name.lower() in known:
            return
        article = "an" if kind[0] in "aeiou" else "a"
        others = (
            f"The following are the known {kind} functions: "
            + ", ".join(f"'{other}'" for other in sorted(known))
            if known
            else f"No {kind} functions are currently registered!"
        )
        raise FunctionNotFound(
            f"The function '{name}' doesn't exist, is disabled, or is not {article} {kind} "
            f"function. Additional info: {others}"
        )
