"""The token library with the official client, against the sandbox: one token dies, another is published."""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import DataException, PermissionException, TokenException

import kite_token
from kite_token import ClientChanged, TokenFolder, TokenMissing
from support.answering import answering
from support.documents import blocks, page
from support.mounted_secret import MountedSecret, contents
from support.sandbox import Counters, Sandbox, SandboxAccount, SandboxApp

ORDER = {
    "variety": "regular",
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "quantity": 1,
    "product": "CNC",
    "order_type": "LIMIT",
    "price": 1500.5,
}


class Setup:
    """A client ID at the broker, and the derived Secret that its pods mount."""

    def __init__(self, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount, folder: Path) -> None:
        self.sandbox = sandbox
        self.app = app
        self.account = account
        self.secret = MountedSecret(folder)
        self.folder = TokenFolder(folder)

    def log_in(self) -> str:
        """Log in, which ends the session before; the token is not published yet."""
        return self.sandbox.login_elsewhere(self.account.client_id, self.app.api_key)

    def publish(self, access_token: str) -> None:
        """What the operator and then the kubelet do."""
        self.secret.publish(contents(access_token, api_key=self.app.api_key))

    def seen(self) -> Counters:
        """What reached the broker."""
        return self.sandbox.counters(self.account.client_id)

    def counts(self, step: str) -> tuple[int, int]:
        """How many calls of a step were accepted, and how many were refused for their token.

        The broker cannot tell whose a dead token is: refusals are counted over all accounts.
        """
        every = self.sandbox.all_counters()
        return every.count(step, "accepted"), every.count(step, "dead_token")


@pytest.fixture
def desk(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount, tmp_path: Path) -> Setup:
    made = Setup(sandbox, app, account, tmp_path / "kite")
    made.publish(made.log_in())
    sandbox.forget_calls()
    return made


@pytest.fixture
def kite(desk: Setup, sandbox: Sandbox) -> Iterator[KiteConnect]:
    following = desk.folder.client(root=sandbox.api_url)
    yield following
    following.reqsession.close()


class Operator(ThreadingHTTPServer):
    """What an operator hears of reports, whatever it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Heard)
        self.heard: queue.Queue[tuple[str, str, bytes]] = queue.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/dead-token"


class _Heard(BaseHTTPRequestHandler):
    server: Operator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self.end_headers()
        self.server.heard.put((self.path, str(self.headers), body))

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def operator() -> Iterator[Operator]:
    with answering(Operator()) as server:
        yield server


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def _overtaken(desk: Setup, aside: ThreadPoolExecutor, step: str, call: Callable[[], Any]) -> Future[Any]:
    """A call that is under way while its token dies and another one is published."""
    hold = desk.sandbox.hold(step, times=1)
    answer = aside.submit(call)
    desk.sandbox.wait_held(hold)
    desk.publish(desk.log_in())
    desk.sandbox.release(hold)
    return answer


def test_it_is_the_official_client_with_the_token_of_the_folder(kite: KiteConnect, desk: Setup) -> None:
    token = desk.folder.token()
    assert type(kite) is KiteConnect
    assert (token.api_key, token.access_token) == (kite.api_key, kite.access_token)
    assert "AB1234" == kite.profile()["user_id"]


def test_a_published_token_is_used_by_the_next_call_without_a_refusal(kite: KiteConnect, desk: Setup) -> None:
    kite.profile()
    desk.publish(desk.log_in())
    assert "AB1234" == kite.profile()["user_id"]
    assert (2, 0) == desk.counts("profile")
    assert desk.folder.token().access_token == kite.access_token


def test_a_call_whose_token_dies_under_way_succeeds_with_the_published_one_exactly_once(
    kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor
) -> None:
    assert "AB1234" == _overtaken(desk, aside, "profile", kite.profile).result(timeout=20)["user_id"]
    assert (1, 1) == desk.counts("profile")


def test_an_order_whose_token_dies_under_way_is_placed_once(
    kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor
) -> None:
    order_id = _overtaken(desk, aside, "orders", lambda: kite.place_order(**ORDER)).result(timeout=20)
    assert [(order_id, "INFY", 1)] == [
        (order["order_id"], order["tradingsymbol"], order["quantity"]) for order in kite.orders()
    ]
    assert (1, 1) == desk.counts("orders")


def test_a_dead_token_is_an_error_while_no_other_is_published(kite: KiteConnect, desk: Setup) -> None:
    published = desk.log_in()
    with pytest.raises(TokenException):
        kite.profile()
    assert (0, 1) == desk.counts("profile")
    desk.publish(published)
    assert "AB1234" == kite.profile()["user_id"]


def test_a_published_token_that_is_dead_too_is_tried_once(
    kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor
) -> None:
    hold = desk.sandbox.hold("orders", times=1)
    answer = aside.submit(lambda: kite.place_order(**ORDER))
    desk.sandbox.wait_held(hold)
    desk.publish(desk.log_in())
    desk.log_in()
    desk.sandbox.release(hold)
    with pytest.raises(TokenException):
        answer.result(timeout=20)
    assert (0, 2) == desk.counts("orders")


def test_the_same_token_published_again_is_not_tried_again(
    kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor
) -> None:
    hold = desk.sandbox.hold("profile", times=1)
    answer = aside.submit(kite.profile)
    desk.sandbox.wait_held(hold)
    desk.log_in()
    desk.publish(desk.folder.token().access_token)
    desk.sandbox.release(hold)
    with pytest.raises(TokenException):
        answer.result(timeout=20)
    assert (0, 1) == desk.counts("profile")


@pytest.mark.parametrize(
    "fault",
    [
        {"preset": "lost_answer"},
        {"preset": "html_403"},
        {"preset": "not_json"},
        {"preset": "permission_denied"},
        {"answer": {"status": 500, "envelope": {"error_type": "TokenException", "message": "made up"}}},
    ],
    ids=lambda fault: fault.get("preset", "TokenException of another status"),
)
def test_an_order_that_fails_in_any_other_way_is_never_repeated(
    fault: dict[str, Any], kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor
) -> None:
    desk.sandbox.fault("orders", **fault, when="after", times=1)
    hold = desk.sandbox.hold("orders", when="after", times=1)
    answer = aside.submit(lambda: kite.place_order(**ORDER))
    desk.sandbox.wait_held(hold)
    desk.publish("madeuptokenthatisanother00000001")
    desk.sandbox.release(hold)
    with pytest.raises((DataException, PermissionException, TokenException)):
        answer.result(timeout=20)
    assert (1, 0) == desk.counts("orders")


def test_a_redirect_to_another_host_gets_no_token(kite: KiteConnect, desk: Setup, aside: ThreadPoolExecutor) -> None:
    elsewhere = {"Location": f"{desk.sandbox.login_url}/connect/login"}
    desk.sandbox.fault("profile", answer={"status": 302, "headers": elsewhere})
    desk.sandbox.fault("connect_login", "dead_token", times=None)
    with pytest.raises(TokenException):
        _overtaken(desk, aside, "profile", kite.profile).result(timeout=20)
    assert 1 == desk.sandbox.all_counters().count("connect_login")


def test_a_lapsed_subscription_is_asked_once(kite: KiteConnect, desk: Setup) -> None:
    desk.sandbox.update_app(desk.app.api_key, subscribed=False)
    with pytest.raises(TokenException, match="Invalid API key or access token"):
        kite.profile()
    assert 1 == desk.sandbox.all_counters().count("profile")


def test_another_app_s_key_is_followed_with_its_token(kite: KiteConnect, desk: Setup) -> None:
    desk.app = desk.sandbox.add_app()
    desk.publish(desk.log_in())
    assert "AB1234" == kite.profile()["user_id"]
    assert desk.app.api_key == kite.api_key


def test_another_client_s_token_is_never_used(kite: KiteConnect, desk: Setup) -> None:
    desk.sandbox.add_account("CD5678")
    other = desk.sandbox.login_elsewhere("CD5678", desk.app.api_key)
    desk.secret.publish(contents(other, api_key=desk.app.api_key, user_id="CD5678"))
    with pytest.raises(ClientChanged, match="another client") as caught:
        kite.place_order(**ORDER)
    assert other not in str(caught.value)
    assert 0 == desk.sandbox.all_counters().count("orders")


def test_a_secret_that_was_emptied_stops_the_client(kite: KiteConnect, desk: Setup) -> None:
    desk.secret.publish({})
    with pytest.raises(TokenMissing):
        kite.profile()
    assert 0 == desk.sandbox.all_counters().count("profile")


def test_two_clients_of_one_folder_follow_it_both(kite: KiteConnect, desk: Setup) -> None:
    second = desk.folder.client(root=desk.sandbox.api_url)
    desk.publish(desk.log_in())
    assert ["AB1234"] * 2 == [each.profile()["user_id"] for each in (kite, second)]
    second.reqsession.close()


def test_the_expiry_hook_of_the_official_client_still_fires_on_a_final_refusal(kite: KiteConnect, desk: Setup) -> None:
    fired: list[str] = []
    kite.set_session_expiry_hook(lambda: fired.append("expired"))
    desk.publish(desk.log_in())
    kite.profile()
    assert [] == fired
    desk.log_in()
    with pytest.raises(TokenException):
        kite.profile()
    assert ["expired"] == fired


def test_no_token_in_the_folder_is_no_client(tmp_path: Path) -> None:
    with pytest.raises(TokenMissing):
        kite_token.connect(tmp_path)


@pytest.fixture
def default_broker(desk: Setup, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """The desk's broker and folder, where a program finds them that names neither."""
    monkeypatch.setattr(KiteConnect, "_default_root_uri", desk.sandbox.api_url)
    monkeypatch.setenv("KITE_TOKEN_DIR", str(desk.secret.folder))
    return desk


def _run(code: str, names: dict[str, Any]) -> None:
    exec(compile(code, "documentation", "exec"), names)  # noqa: S102 - the project's own documentation
    names["kite"].reqsession.close()


@pytest.mark.parametrize(("name", "language"), [("README.md", "py"), ("docs/trading-pods.md", "python")])
def test_the_first_program_of_the_documentation_works(
    name: str, language: str, default_broker: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(blocks(page(name), language)[0], {})
    assert "[]\n" == capsys.readouterr().out
    assert (1, 0) == default_broker.counts("order_book")


def test_the_documented_way_to_look_for_a_new_token_works(
    default_broker: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = [text for text in blocks(page("docs/trading-pods.md"), "python") if "except TokenException" in text]
    default_broker.log_in()
    _run(code, {})
    assert "" == capsys.readouterr().out
    assert (0, 1) == default_broker.counts("order_book")


def test_the_documented_way_by_hand_works(default_broker: Setup) -> None:
    (code,) = [text for text in blocks(page("docs/trading-pods.md"), "python") if "readlink" in text]
    names: dict[str, Any] = {}
    folder = repr(str(kite_token.DEFAULT_FOLDER))
    assert folder.replace("'", '"') in code
    exec(code.replace(str(kite_token.DEFAULT_FOLDER), str(default_broker.secret.folder)), names)  # noqa: S102 - as above
    assert "AB1234" == names["kite"].profile()["user_id"]
    names["kite"].reqsession.close()


def reporting(desk: Setup, operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> KiteConnect:
    """A client whose pod was told by its environment where to report."""
    folder.mkdir()
    (folder / "token").write_text("madeupserviceaccounttoken")
    monkeypatch.setenv("KITE_REPORT_URL", operator.url)
    monkeypatch.setenv("KITE_REPORT_DIR", str(folder))
    return kite_token.connect(desk.folder.path, root=desk.sandbox.api_url)


def test_a_dead_token_that_has_no_successor_is_reported_once_and_shows_nothing_of_the_session(
    desk: Setup, operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kite = reporting(desk, operator, tmp_path / "report", monkeypatch)
    dead = desk.folder.token()
    kite.profile()
    desk.sandbox.master_logout(desk.account.client_id)
    for _ in range(3):
        with pytest.raises(TokenException):
            kite.profile()
    path, headers, body = operator.heard.get(timeout=10)
    assert ("/dead-token", b"") == (path, body)
    assert "Authorization: Bearer madeupserviceaccounttoken\n" in headers
    assert dead.access_token not in headers
    assert dead.api_key not in headers
    with pytest.raises(queue.Empty):
        operator.heard.get(timeout=0.3)
    kite.reqsession.close()


def test_a_token_that_was_replaced_meanwhile_is_not_reported(
    desk: Setup, operator: Operator, aside: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kite = reporting(desk, operator, tmp_path / "report", monkeypatch)
    assert "AB1234" == _overtaken(desk, aside, "profile", kite.profile).result(timeout=20)["user_id"]
    with pytest.raises(queue.Empty):
        operator.heard.get(timeout=0.3)
    kite.reqsession.close()


def test_a_published_token_that_is_dead_too_is_reported(
    desk: Setup, operator: Operator, aside: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kite = reporting(desk, operator, tmp_path / "report", monkeypatch)
    hold = desk.sandbox.hold("profile", times=1)
    answer = aside.submit(kite.profile)
    desk.sandbox.wait_held(hold)
    desk.publish(desk.log_in())
    desk.sandbox.master_logout(desk.account.client_id)
    desk.sandbox.release(hold)
    with pytest.raises(TokenException):
        answer.result(timeout=20)
    assert "/dead-token" == operator.heard.get(timeout=10)[0]
    kite.reqsession.close()
