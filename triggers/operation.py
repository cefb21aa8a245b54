"""What a handler takes and answers with, written beside it: the API's document is made of that, not of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

Handler = TypeVar("Handler", bound=Callable[..., Any])
JSON = "application/json"


def example(**values: Any) -> ConfigDict:
    """Return a model's configuration with an example of it, as the API's document shows it."""
    return ConfigDict(json_schema_extra={"examples": [values]})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the HTTP API, as a client's author needs to know it.

    ``answers`` are what it comes to when it does what was asked: a status, and by media type the model of the body, or
    None for text. ``refuses`` are the handler's own problems; those that the door knows of are not repeated here.
    """

    answers: Mapping[HTTPStatus, Mapping[str, type[BaseModel] | None]]
    refuses: frozenset[HTTPStatus] = frozenset()
    body: type[BaseModel] | None = None
    body_type: str = JSON
    body_needed: bool = True
    query: type[BaseModel] | None = None
    proofs: tuple[str, ...] = field(default=())


def operation(
    answers: Mapping[HTTPStatus, type[BaseModel] | Mapping[str, type[BaseModel] | None]],
    *refuses: HTTPStatus,
    body: type[BaseModel] | None = None,
    body_type: str = JSON,
    body_needed: bool = True,
    query: type[BaseModel] | None = None,
    proofs: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:
    """Say of a handler what it takes and answers with; a model alone stands for JSON."""
    told = Operation(
        answers={
            status: model if isinstance(model, Mapping) else {JSON: model}
            for status, model in answers.items()
        },
        refuses=frozenset(refuses),
        body=body,
        body_type=body_type,
        body_needed=body_needed,
        query=query,
        proofs=proofs,
    )

    def marked(handler: Handler) -> Handler:
        handler.operation = told  # type: ignore[attr-defined]
        return handler

    return marked


def operation_of(handler: Callable[..., Any]) -> Operation | None:
    """Return what a handler says of itself."""
    return getattr(handler, "operation", None)
