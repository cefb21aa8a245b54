"""The clients of the app's three identities, as the environment says."""

from __future__ import annotations

import os

from adapters.identity import Identities

AUDIENCE = "https://management.azure.com"


def identities() -> Identities:
    """Return the clients with which the app goes to the Azure of the environment."""
    return Identities.of(
        os.environ["ARM_ENDPOINT"],
        AUDIENCE,
        observe=os.environ["OBSERVE_CLIENT_ID"],
        drill=os.environ["DRILL_CLIENT_ID"],
        failover=os.environ["FAILOVER_CLIENT_ID"],
    )
