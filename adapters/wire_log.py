"""What libraries would write of every request: path and query, which for a chat's webhook are its secret."""

from __future__ import annotations

import logging

TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")


class _NoRequestLines(logging.Filter):
    """Lets warnings pass; whoever looks at DEBUG still has azure.core's own lines, which cross out what they must."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG

    def __eq__(self, other: object) -> bool:
        return type(other).__name__ == type(self).__name__

    def __hash__(self) -> int:
        return hash(type(self).__name__)


def keep_paths_out_of_logs() -> None:
    """Have no library write a request's path, however much is logged; to say so twice changes nothing."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(_NoRequestLines())
