"""An agreement between a client of DEAN's and a service, and the pact that is made of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from pact import Pact, match
from pydantic import BaseModel

from dean_airflow.services.credentials import BearerToken, Credential
from dean_airflow.services.pool import ServicePool

CONSUMER = "dean-airflow"
BEARER = match.regex("Bearer a.b.c", regex=r"^Bearer \S+$")
ANY_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
TIME = match.regex("2026-01-02T03:04:05Z", regex=ANY_TIME)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `given` are states of the provider, with what they are made of.

    `answer` may hold matchers; `asked` likewise. `authenticated` requests carry a bearer token.
    """

    name: str
    method: str
    path: str
    status: int = 200
    query: Mapping[str, Any] = field(default_factory=dict)
    asked: Any = None
    answer: Any = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    answered: Mapping[str, Any] = field(default_factory=dict)
    given: Sequence[tuple[str, dict[str, object]]] = ()
    authenticated: bool = True

    def add_to(self, pact: Pact) -> None:
        interaction = pact.upon_receiving(self.name)
        for state, parameters in self.given:
            interaction.given(state, parameters)
        interaction.with_request(self.method, self.path)
        if self.query:
            interaction.with_query_parameters(self.query)
        headers = {**({"Authorization": BEARER} if self.authenticated else {}), **self.headers}
        for name, value in headers.items():
            interaction.with_header(name, value, part="Request")
        if self.asked is not None:
            interaction.with_body(self.asked, "application/json", part="Request")
        interaction.will_respond_with(self.status)
        for name, value in self.answered.items():
            interaction.with_header(name, value, part="Response")
        if self.answer is not None:
            interaction.with_body(self.answer, "application/json", part="Response")


@dataclass(frozen=True)
class Agreement:
    """What a client does (`call`), over these exchanges, and what must come of it.

    `refused` is the error that `call` must raise; `holds` is asked of its result. The last exchange names it.
    """

    exchanges: Sequence[Exchange]
    call: Callable[[ServicePool], Awaitable[Any]]
    holds: Callable[[Any], bool] = lambda result: True
    refused: type[Exception] | None = None
    credential: Credential = field(default_factory=lambda: BearerToken("a.b.c"))

    @property
    def name(self) -> str:
        return self.exchanges[-1].name

    def outcome(self) -> AbstractContextManager[Any]:
        return pytest.raises(self.refused) if self.refused else nullcontext()


def pact_of(provider: str, exchanges: Sequence[Exchange]) -> Pact:
    """A pact of these exchanges, each name once."""
    pact = Pact(CONSUMER, provider).with_specification("V4")
    for exchange in {exchange.name: exchange for exchange in exchanges}.values():
        exchange.add_to(pact)
    return pact


def like(model: BaseModel, **matchers: Any) -> Any:
    """A body with the fields that this answer has set, each of the type it has there, or as its matcher says."""
    body = model.model_dump(mode="json", exclude_unset=True)
    return match.like({**body, **matchers})


def error(detail: str | None = None) -> Any:
    """The body of an error; `detail` in these words where it is given."""
    return match.like({"detail": match.regex(detail, regex=f"^{detail}$") if detail else "what is wrong"})


def one_of(words: Sequence[str]) -> Any:
    """One of these words, the first for example."""
    return match.regex(words[0], regex=f"^({'|'.join(words)})$")
