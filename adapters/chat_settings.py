"""What the app must be told before it speaks and listens in chats; without it, it does neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.places import BlobUrl, file_or_blob

CHAT = {
    "SLACK_SIGNING_SECRET": "the signing secret of the Slack app; without it nobody commands from Slack",
    "SLACK_WEBHOOK_URL": "the incoming webhook of the Slack channel that is told of runs",
    "TEAMS_SIGNING_SECRET": "the secret of the Teams outgoing webhook; without it nobody asks from Teams",
    "TEAMS_WEBHOOK_URL": "the Workflows webhook of the Teams channel that is told of runs",
    "CHAT_PEOPLE": "the YAML file, or a blob's URL, that says whom chat accounts belong to and what they may do",
    "PUBLIC_URL": "where people reach the app, https://...; the buttons of cards lead there",
}
SECRETS = ("SLACK_SIGNING_SECRET", "SLACK_WEBHOOK_URL", "TEAMS_SIGNING_SECRET", "TEAMS_WEBHOOK_URL")
UNRESOLVED = "@Microsoft.KeyVault("


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The chats' settings; its secrets show in no representation."""

    slack_secret: str | None = None
    slack_webhook: str | None = None
    teams_secret: str | None = None
    teams_webhook: str | None = None
    people: Path | BlobUrl | None = None
    public_url: str | None = None

    def __repr__(self) -> str:
        return "ChatSettings(...)"

    @classmethod
    def read(cls, environ: Mapping[str, str], app: Path, wrong: list[str]) -> ChatSettings:
        """Return the settings of the environment; what is wrong with them is added to ``wrong``, never a secret."""
        given = {key: environ.get(key, "").strip() for key in CHAT}
        wrong += [
            f"{key}: its Key Vault reference was not resolved; look at the identity's rights on the vault"
            for key in SECRETS
            if given[key].startswith(UNRESOLVED)
        ]
        for key in ("SLACK_WEBHOOK_URL", "TEAMS_WEBHOOK_URL", "PUBLIC_URL"):
            if given[key] and not given[key].startswith((UNRESOLVED, "https://")):
                wrong.append(f"{key}: it is no https:// address")
        return cls(
            slack_secret=given["SLACK_SIGNING_SECRET"] or None,
            slack_webhook=given["SLACK_WEBHOOK_URL"] or None,
            teams_secret=given["TEAMS_SIGNING_SECRET"] or None,
            teams_webhook=given["TEAMS_WEBHOOK_URL"] or None,
            people=file_or_blob(environ, "CHAT_PEOPLE", app, wrong),
            public_url=given["PUBLIC_URL"].rstrip("/") or None,
        )
