"""Services that every action uses, and the one way to call the broker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kite_operator.broker.limiter import RateLimiter
from kite_operator.clock import Clock
from kite_operator.cluster.account import Accounts
from kite_operator.cluster.api import Cluster
from kite_operator.model.errors import BrokerError, Step
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from kite_operator.observers import notify_observer

_Answer = TypeVar("_Answer")


class BrokerApi(Protocol):
    """The documented API, as `broker.session.KiteApi` offers it."""

    async def exchange(self, app: AppKeys, request_token: Sensitive) -> Session:
        """Return a session for a request_token."""
        ...

    async def renew(self, app: AppKeys, refresh_token: Sensitive) -> Session:
        """Return a session for a refresh_token, perhaps with another refresh_token."""
        ...

    async def logout(self, api_key: Sensitive, access_token: Sensitive) -> None:
        """End a session; no error when it is over already."""
        ...

    async def profile(self, api_key: Sensitive, access_token: Sensitive) -> str:
        """Return the user_id that a session belongs to; TokenDead when it is over."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services that every action uses, made once in `app.py`.

    `identity` names this process in Leases; `on_step(step, credential)` is awaited at every named point of a refresh;
    `observe(step, outcome, seconds)` is called for every broker call; `token_version` returns the version of a session.
    """

    cluster: Cluster
    accounts: Accounts
    broker: BrokerApi
    limiter: RateLimiter
    clock: Clock
    identity: str
    on_step: Callable[[str, Credential], Awaitable[None]]
    observe: Callable[[str, str, float], None]
    token_version: Callable[[Session], str]


async def observed_call(services: Services, step: Step, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Return the answer of `ask`; its duration and outcome (success, a reason, or aborted) go to the observer."""
    started, outcome = services.clock.boottime(), "aborted"
    try:
        answer = await ask()
        outcome = "success"
    except BrokerError as error:
        outcome = error.reason.value
        raise
    finally:
        notify_observer(services.observe, step, outcome, services.clock.boottime() - started)
    return answer
