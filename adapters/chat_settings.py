"""What the app must be told before it speaks and listens in chats; without it, it does neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.places import BlobUrl, file_or_blob
from domain.reach import host_of

CHAT = {
    "SLACK_SIGNING_SECRET": "the signing secret of the Slack app; without it nobody commands from Slack",
    "SLACK_WEBHOOK_URL": "the incoming webhook of the Slack channel that is told of runs",
    "TEAMS_SIGNING_SECRET": "the secret of the Teams outgoing webhook; without it nobody asks from Teams",
    "TEAMS_WEBHOOK_URL": "the Workflows webhook of the Teams channel that is told of runs",
    "CHAT_PEOPLE": "the YAML file, or a blob's URL, that says whom chat accounts belong to and what they may do",
    "PUBLIC_URL": "where people reach the app, https://...; the buttons of cards lead there",
}
UNRESOLVED = "@Microsoft.KeyVault("
# Where the chats take messages, in Azure's public and sovereign clouds; a message posted elsewhere tells a stranger.
SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
TEAMS_HOSTS = (
    ".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".api.powerplatform.com", ".api.powerplatform.us",
    ".api.gov.powerplatform.us", ".api.high.powerplatform.us", ".api.powerplatform.partner.microsoftonline.cn",
)  # fmt: skip


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
        for key, hosts in (
            ("SLACK_WEBHOOK_URL", SLACK_HOSTS),
            ("TEAMS_WEBHOOK_URL", TEAMS_HOSTS),
            ("PUBLIC_URL", ()),
        ):
            if not given[key] or given[key].startswith(UNRESOLVED):
                continue
            host = host_of(given[key]) if given[key].startswith("https://") else None
            if host is None:
                wrong.append(f"{key}: it is no https:// address")
            elif hosts and not any(
                host == one or (one.startswith(".") and host.endswith(one)) for one in hosts
            ):
                wrong.append(f"{key}: {host} takes no messages for it; {' or '.join(hosts)} do")
        return cls(
            slack_secret=given["SLACK_SIGNING_SECRET"] or None,
            slack_webhook=given["SLACK_WEBHOOK_URL"] or None,
            teams_secret=given["TEAMS_SIGNING_SECRET"] or None,
            teams_webhook=given["TEAMS_WEBHOOK_URL"] or None,
            people=file_or_blob(environ, "CHAT_PEOPLE", app, wrong),
            public_url=given["PUBLIC_URL"].rstrip("/") or None,
        )
