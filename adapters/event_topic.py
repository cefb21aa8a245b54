"""Leeward's own events, published to an Event Grid topic as CloudEvents."""

from __future__ import annotations

import json
import uuid
from typing import Any

from adapters.azure_errors import translated
from adapters.identity import CALM, Clients

SOURCE = "/leeward"


class EventTopic:
    """A custom topic; without one configured, nobody is told and nothing fails."""

    def __init__(self, observe: Clients, endpoint: str | None) -> None:
        self._observe = observe
        self._endpoint = endpoint

    def publish(self, kind: str, subject: str, data: dict[str, Any]) -> bool:
        """Publish one event and say whether there is a topic; its id is the same however often it is sent."""
        if not self._endpoint:
            return False
        from azure.core.messaging import CloudEvent
        from azure.eventgrid import EventGridPublisherClient

        event = CloudEvent(
            source=SOURCE,
            type=kind,
            subject=subject,
            data=data,
            id=str(
                uuid.uuid5(
                    uuid.NAMESPACE_URL, f"{kind}/{subject}/{json.dumps(data, sort_keys=True)}"
                )
            ),
        )
        with (
            translated(f"publishing {kind}"),
            EventGridPublisherClient(self._endpoint, self._observe.credential(), **CALM) as client,
        ):
            client.send(event)
        return True
