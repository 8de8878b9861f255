"""A report never holds a trade up, never raises, and shows its token to the operator alone."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kite_token import TokenFolder
from kite_token.reporting import BETWEEN_REPORTS_S, Reporter
from support.answering import answering
from support.mounted_secret import MountedSecret

BEARER = "madeupserviceaccounttoken0000001"


class Server(ThreadingHTTPServer):
    """An operator that answers as it is told; `heard` has path and Authorization of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self.answer: tuple[int, dict[str, str]] = (202, {})
        self.standing_by = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/dead-token"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        status, headers = self.server.answer
        if self.server.standing_by:
            self.server.standing_by -= 1
            status = 503
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        # Before the answer is out: who has it looks at what was heard.
        self.server.heard.put((self.path, self.headers.get("Authorization")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with answering(Server()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(BEARER + "\n")
    return tmp_path


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [1000.0]
    monkeypatch.setattr("kite_token.reporting.monotonic", lambda: at[0])
    return at


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was logged, once every report has ended."""
    caplog.set_level(logging.DEBUG)

    def wait() -> str:
        for thread in threading.enumerate():
            if thread.name == "kite_token report":
                thread.join(20)
        assert BEARER not in caplog.text
        return caplog.text

    return wait


def test_a_report_is_a_post_with_the_token_of_the_folder(server: Server, folder: Path, said: Callable[[], str]) -> None:
    Reporter(server.url, folder).report()
    assert ("/v1/dead-token", f"Bearer {BEARER}") == server.heard.get(timeout=10)
    assert "has been told" in said()


def test_one_report_a_minute_leaves(server: Server, folder: Path, now: list[float]) -> None:
    reporter = Reporter(server.url, folder)
    for _ in range(5):
        reporter.report()
    server.heard.get(timeout=10)
    now[0] += BETWEEN_REPORTS_S - 0.001
    reporter.report()
    with pytest.raises(queue.Empty):
        server.heard.get(timeout=0.2)
    now[0] += 0.001
    reporter.report()
    server.heard.get(timeout=10)


def test_a_token_that_was_rotated_is_read_anew(server: Server, folder: Path, now: list[float]) -> None:
    reporter = Reporter(server.url, folder)
    reporter.report()
    server.heard.get(timeout=10)
    (folder / "token").write_text("madeupserviceaccounttoken0000002")
    now[0] += BETWEEN_REPORTS_S
    reporter.report()
    assert "Bearer madeupserviceaccounttoken0000002" == server.heard.get(timeout=10)[1]


def test_a_replica_that_stands_by_is_tried_again(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kite_token.reporting.sleep", pauses.append)
    server.standing_by = 2
    Reporter(server.url, folder).report()
    assert "has been told" in said()
    assert (3, 2) == (server.heard.qsize(), len(pauses))


def test_replicas_that_all_stand_by_are_tried_six_times(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setattr("kite_token.reporting.sleep", lambda _: None)
    server.standing_by = 100
    Reporter(server.url, folder).report()
    assert "HTTP 503" in said()
    assert 6 == server.heard.qsize()


def test_the_token_follows_no_redirect(server: Server, folder: Path, said: Callable[[], str]) -> None:
    server.answer = (307, {"Location": f"{server.url}/elsewhere"})
    Reporter(server.url, folder).report()
    server.heard.get(timeout=10)
    assert "HTTP 307" in said()
    assert server.heard.empty()


def test_the_token_goes_through_no_proxy(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, server.url)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/"
    Reporter(url, folder).report()
    assert "could not be reported" in said()
    assert server.heard.empty()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refusal_is_logged_by_its_status(status: int, server: Server, folder: Path, said: Callable[[], str]) -> None:
    server.answer = (status, {})
    Reporter(server.url, folder).report()
    server.heard.get(timeout=10)
    assert f"HTTP {status}" in said()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", f"{BEARER}\r\nX: y".encode()])
def test_a_token_that_cannot_be_used_is_no_trades_trouble(
    content: bytes | None, server: Server, folder: Path, said: Callable[[], str]
) -> None:
    (folder / "token").unlink()
    if content is not None:
        (folder / "token").write_bytes(content)
    server.answer = (401, {})
    Reporter(server.url, folder).report()
    assert "report" in said()


@pytest.mark.parametrize(
    "url",
    ["operator:8082", "ftp://operator/", "http://", "http://operator:port/", "http://[", "http://a b/", "htt\np://x"],
)
def test_an_address_that_is_none_turns_reports_off_with_a_word(url: str, folder: Path, said: Callable[[], str]) -> None:
    Reporter(url, folder).report()
    # A report of another test may end now, on its own thread, with an INFO line.
    warnings = [line for line in said().splitlines() if line.startswith("WARNING")]
    assert ["kite_token"] == [line.split()[1].partition(":")[0] for line in warnings]
    assert "not reported" in said()


def test_no_thread_to_be_had_is_no_trades_trouble(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    Reporter(server.url, folder).report()
    assert "no thread" in said()


def test_who_reports_waits_for_nobody(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is looked up for ever, and the caller goes on."""
    release = threading.Event()

    def lookup(*_: object) -> int:
        release.wait(20)
        return 202

    monkeypatch.setattr(Reporter, "_post", lookup)
    Reporter(server.url, folder).report()
    assert not release.is_set()
    release.set()


def test_without_an_address_nothing_is_reported(
    secret: MountedSecret, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITE_REPORT_DIR", str(folder))
    monkeypatch.delenv("KITE_REPORT_URL", raising=False)
    TokenFolder(secret.folder).report_dead()
    TokenFolder(secret.folder, report_url=server.url).report_dead()
    assert "/v1/dead-token" == server.heard.get(timeout=10)[0]
    monkeypatch.setenv("KITE_REPORT_URL", server.url)
    TokenFolder(secret.folder).report_dead()
    server.heard.get(timeout=10)
    assert server.heard.empty()
