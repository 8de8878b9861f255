"""The audit tells apart: nothing is known, something is known, nobody could be asked. The database is a local one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from supply_chain import __main__ as command
from supply_chain.audit import FOUND, NOT_ASKED, SOUND, audit
from support.answering import answering

KNOWN = {
    "id": "PYSEC-2099-1",
    "aliases": ["CVE-2099-0001"],
    "summary": "A made-up weakness.",
    "affected": [
        {
            "package": {"name": "two", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class Database:
    """A database of OSV's interface that knows one thing against the distribution `two`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        database = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = query["package"]["name"]
                database.asked.append((name, query["version"]))
                answer: dict[str, Any] = {"vulns": [KNOWN]} if name == "two" else {}
                body = json.dumps(answer).encode()
                self.send_response(database.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1/query"


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database()
    with answering(made.server):
        yield made


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(f"one==1.0 \\\n    --hash=sha256:{'a' * 64}\n")
    return path


def with_two(lock: Path) -> Path:
    lock.write_text(lock.read_text() + f"two==2.0 \\\n    --hash=sha256:{'b' * 64}\n")
    return lock


def test_nothing_is_known_when_the_database_says_so(database: Database, lock: Path) -> None:
    verdict = audit(lock, database.address)
    assert (SOUND, ("lock.txt: nothing is known against its 1 distributions",)) == (verdict.code, verdict.lines)
    assert [("one", "1.0")] == database.asked


def test_what_is_known_is_told_with_the_version_that_mends_it(database: Database, lock: Path) -> None:
    verdict = audit(with_two(lock), database.address)
    told = "two 2.0: PYSEC-2099-1 CVE-2099-0001, mended in 2.1: A made-up weakness."
    assert (FOUND, (told,)) == (verdict.code, verdict.lines)


def test_what_does_no_harm_here_is_left_out(database: Database, lock: Path) -> None:
    assert SOUND == audit(with_two(lock), database.address, {"CVE-2099-0001": "not used"}).code


def test_a_database_that_cannot_be_asked_is_never_good_news(database: Database, lock: Path) -> None:
    database.status = 503
    verdict = audit(lock, database.address)
    assert NOT_ASKED == verdict.code
    assert "NOT AUDITED. The database could not be asked" in verdict.lines[0]


def test_an_address_that_nobody_answers_at_is_never_good_news(lock: Path) -> None:
    assert NOT_ASKED == audit(lock, "http://127.0.0.1:1/v1/query").code


def test_the_command_ends_with_what_was_found(
    database: Database, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "LOCKS", {"image": with_two(lock)})
    assert FOUND == command.main(["audit", "--service", database.address])
    assert "PYSEC-2099-1" in capsys.readouterr().out
