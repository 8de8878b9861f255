"""Headless login as a generator without I/O: requests come out, answers go in, a request_token is the result.

The login pages are undocumented; the steps are community practice. A generator keeps all steps in one readable place,
lets the driver act between the steps (where attempts are reserved and checked, P1), and is tested with values.

Preflight, password, code, connect: no secret is sent while the login page is down, the code is only requested when the
account takes codes, and the app's redirect address is read from `Location` and never requested.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from urllib.parse import urlencode, urljoin

from kite_operator.broker.redirects import RedirectRule
from kite_operator.broker.verdicts import judge_connect, judge_preflight, judge_submission, malformed, passing
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.model.errors import BrokerRejection, Processed, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive

MOST_HOPS = 5
"""Most redirects that are followed between the app's login and the app's redirect address."""
_TOTP = "totp"
_LONGEST_REQUEST_ID = 256

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """Marker: the flow waits for a TOTP code; the driver sends one in as a Sensitive."""


Flow: TypeAlias = Generator[HttpRequest | CodeNeeded, HttpResponse | Sensitive, _Result]


@dataclass(frozen=True, slots=True)
class WebLogin:
    """Inputs of one login. `redirect_url` is the URL registered for the app; `login_base_url` has no path.

    `allowed_hosts` holds further origins that the login may pass through (`redirects.allowed_hosts_for`).
    """

    client_id: str
    password: Sensitive
    api_key: Sensitive
    redirect_url: str
    login_base_url: str
    allowed_hosts: tuple[str, ...] = field(default=())


def login_flow(login: WebLogin) -> Flow[Sensitive]:
    """Run the login's steps; return the request_token.

    Raises BrokerRejection, TransientBrokerError and OutcomeUnknown (of the answers; the driver adds those of the wire),
    and ValueError when an address of `login` cannot be parsed.
    """
    rule = RedirectRule.of(login.redirect_url, login.login_base_url, login.allowed_hosts)
    yield from _preflight(login, rule)
    request_id = yield from _submit_password(login)
    code = yield CodeNeeded()
    if not isinstance(code, Sensitive):
        raise TypeError("a code is sent in as a Sensitive")
    yield from _submit_code(login, request_id, code)
    return (yield from _connect(login, rule))


def connect_flow(login: WebLogin) -> Flow[Sensitive]:
    """Run the last part alone, for a browser session that has been logged in; return the request_token."""
    return (yield from _connect(login, RedirectRule.of(login.redirect_url, login.login_base_url, login.allowed_hosts)))


def _ask(request: HttpRequest) -> Flow[HttpResponse]:
    answer = yield request
    if not isinstance(answer, HttpResponse):
        raise TypeError("a request is answered with an HttpResponse")
    return answer


def _preflight(login: WebLogin, rule: RedirectRule) -> Flow[None]:
    """Check that the login page is up before a factor is sent; a redirect must stay on the broker's hosts."""
    url = _connect_url(login)
    answer = yield from _ask(HttpRequest(Step.PREFLIGHT, "GET", url))
    judge_preflight(answer)
    location = answer.header("location")
    if location and not rule.allows(url, location):
        raise passing(Step.PREFLIGHT, answer, Processed.NO)


def _submit_password(login: WebLogin) -> Flow[str]:
    """Send the password; return the request_id that the second factor must carry."""
    form = {"user_id": login.client_id, "password": login.password.reveal()}
    answer = yield from _ask(HttpRequest(Step.PASSWORD, "POST", f"{_base(login)}/api/login", form))
    judge_submission(Step.PASSWORD, answer)
    data = answer.envelope.data if answer.envelope is not None else None
    if not isinstance(data, dict):
        raise malformed(Step.PASSWORD, "without data")
    if data.get("user_id") != login.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT, "the broker logged in another client than spec.clientID", step=Step.PASSWORD
        )
    _require_totp(data)
    request_id = data.get("request_id")
    if not isinstance(request_id, str) or not 0 < len(request_id) <= _LONGEST_REQUEST_ID:
        raise malformed(Step.PASSWORD, "without a usable request_id")
    return request_id


def _require_totp(data: dict[str, object]) -> None:
    """Refuse an account that takes no TOTP codes before one is spent on it."""
    types = data.get("twofa_types")
    offered = list(types) if isinstance(types, list) else []
    if _TOTP not in [*offered, data.get("twofa_type")]:
        raise BrokerRejection(
            Reason.TWO_FACTOR_UNSUPPORTED,
            "this account does not take TOTP codes: enable external TOTP at the broker, or use login mode Manual",
            step=Step.PASSWORD,
        )


def _submit_code(login: WebLogin, request_id: str, code: Sensitive) -> Flow[None]:
    form = {
        "user_id": login.client_id,
        "request_id": request_id,
        "twofa_value": code.reveal(),
        "twofa_type": _TOTP,
    }
    answer = yield from _ask(HttpRequest(Step.TOTP, "POST", f"{_base(login)}/api/twofa", form))
    judge_submission(Step.TOTP, answer)


def _connect(login: WebLogin, rule: RedirectRule) -> Flow[Sensitive]:
    """Follow the login's own redirects up to the app's, and read the request_token from it."""
    url = _connect_url(login, skip_session="true")
    for _ in range(MOST_HOPS + 1):
        answer = yield from _ask(HttpRequest(Step.CONNECT, "GET", url))
        judge_connect(answer)
        following = rule.read(url, answer.header("location") or "")
        if isinstance(following, Sensitive):
            return following
        url = following
    raise BrokerRejection(
        Reason.LOGIN_NOT_COMPLETED,
        f"the login went through more than {MOST_HOPS} redirects without reaching the redirect URL",
        step=Step.CONNECT,
    )


def _base(login: WebLogin) -> str:
    return login.login_base_url.rstrip("/")


def _connect_url(login: WebLogin, **more: str) -> str:
    query = urlencode({"v": "3", "api_key": login.api_key.reveal(), **more})
    return urljoin(f"{_base(login)}/", f"connect/login?{query}")
