"""The runbooks: deterministic generators that the durable engine replays."""
