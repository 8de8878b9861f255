"""Small stand-ins for the broker's side: a clock, answers as values, a scripted transport and a recording gate."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kite_operator.broker.weblogin import WebLogin
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import Step
from kite_operator.model.sensitive import Sensitive

NOW = datetime(2026, 3, 2, 2, 5, tzinfo=UTC)
PASSWORD = "Correct-Horse-77"
API_KEY = "apikey0123456789"
API_SECRET = "apisecret0123456789apisecret0123"
REQUEST_TOKEN = "requesttoken0123456789abcdefghij"
ACCESS_TOKEN = "accesstoken0123456789abcdefghijk"
CODE = "492817"
SECRETS = (PASSWORD, API_KEY, API_SECRET, REQUEST_TOKEN, ACCESS_TOKEN, CODE)

LOGIN = WebLogin(
    client_id="AB1234",
    password=Sensitive(PASSWORD),
    api_key=Sensitive(API_KEY),
    redirect_url="https://desk.example/kite/callback",
    login_base_url="https://login.example",
)


@dataclass(slots=True)
class FakeClock:
    """Time that moves only when asked; `sleep` moves it and lets other tasks run."""

    wall: datetime = NOW
    boot: float = 1000.0
    step_per_reading: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def boottime(self) -> float:
        self.boot += self.step_per_reading
        return self.boot

    async def sleep(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.boot += seconds
        await asyncio.sleep(0)


class LoopClock:
    """The event loop's time, which `looptime` makes virtual."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.boottime())

    def boottime(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def answer(
    status: int = 200, body: object = None, headers: Mapping[str, str] | None = None, *, content_type: str | None = None
) -> HttpResponse:
    """An answer: a text body is HTML, anything else JSON, unless `content_type` says otherwise ("" for none)."""
    is_text = isinstance(body, str)
    kind = content_type if content_type is not None else ("text/html; charset=utf-8" if is_text else "application/json")
    raw = str(body).encode() if is_text else json.dumps(body).encode()
    named = {"Content-Type": kind} if kind else {}
    return HttpResponse.of(status, {**named, **(headers or {})}, raw, NOW)


def refusal(status: int, error_type: str | None, message: str = "no") -> HttpResponse:
    """Kite's error envelope."""
    kind = {} if error_type is None else {"error_type": error_type}
    return answer(status, {"status": "error", "message": message, "data": None, **kind})


def redirect(location: str, status: int = 302) -> HttpResponse:
    return answer(status, "<a>moved</a>", {"Location": location})


def password_accepted(**changes: object) -> HttpResponse:
    data = {
        "user_id": "AB1234",
        "request_id": "request-id-1",
        "twofa_type": "totp",
        "twofa_types": ["totp"],
        "twofa_status": "active",
    }
    return answer(200, {"status": "success", "data": {**data, **changes}})


def code_accepted() -> HttpResponse:
    return answer(200, {"status": "success", "data": {"profile": {}}})


def login_page() -> HttpResponse:
    return answer(200, "<html><form></form></html>")


CALLBACK = f"https://desk.example/kite/callback?action=login&status=success&request_token={REQUEST_TOKEN}"


def happy_answers() -> list[HttpResponse]:
    return [
        login_page(),
        password_accepted(),
        code_accepted(),
        redirect("/connect/finish?sess_id=s1"),
        redirect(CALLBACK),
    ]


@dataclass(slots=True)
class ScriptedTransport:
    """Answers requests from a list; an exception in the list is raised. `sent` holds what came."""

    script: list[HttpResponse | BaseException]
    sent: list[HttpRequest] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)

    async def send(self, request: HttpRequest, *, before_write: Callable[[], None]) -> HttpResponse:
        before_write()
        self.sent.append(request)
        self.journal.append(f"send {request.step}")
        following = self.script.pop(0)
        if isinstance(following, BaseException):
            raise following
        return following


@dataclass(slots=True)
class RecordingGate:
    """A gate that allows everything and writes down what it was asked; `refusals` holds what a method raises."""

    journal: list[str] = field(default_factory=list)
    refusals: dict[str, Exception] = field(default_factory=dict)
    checks_left: int = 1_000_000
    offset: ClockOffset | None = None

    async def reserve_password(self, offset: ClockOffset | None) -> None:
        self.offset = offset
        self._note("reserve password")

    async def reserve_code(self) -> Sensitive:
        self._note("reserve code")
        return Sensitive(CODE)

    def check(self) -> None:
        self.checks_left -= 1
        if self.checks_left < 0:
            raise self.refusals["lost"]
        self._note("check")

    async def settle(self, step: Step, outcome: AttemptOutcome) -> None:
        self._note(f"settle {step} {outcome}")

    def _note(self, what: str) -> None:
        if what in self.refusals:
            raise self.refusals[what]
        self.journal.append(what)


def texts_of(error: BaseException) -> Iterator[str]:
    """Everything that a log line or a traceback may show of `error` and of all exceptions behind it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield f"{current!r} {current} {current.args!r} {vars(current)!r}"
        waiting += [current.__cause__, current.__context__]


def leaks(text: str) -> list[str]:
    """The made-up secrets that `text` shows."""
    return [secret for secret in SECRETS if secret in text]
