"""A Prometheus, an Alertmanager and somebody who is called, as real processes on the loopback."""

import http.server
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from alerts import programs
from support.answering import answering
from support.ports import free_port

_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Program:
    """A running server of Prometheus' family."""

    url: str
    _http: requests.Session

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._http.get(f"{self.url}{path}", params=parameters, timeout=10)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """What an instant query gives: labels and value of each series."""
        found = self.get("/api/v1/query", query=expr)["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]


@contextmanager
def running(name: str, folder: Path, config: Mapping[str, Any], *arguments: str) -> Iterator[Program]:
    """Start a program with this configuration; it is ended with the block."""
    port = free_port()
    folder.mkdir()
    file, log = folder / "config.yaml", folder / "log"
    file.write_text(yaml.safe_dump(dict(config)))
    command = [
        *(*programs.command(name), f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"),
        *arguments,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)  # noqa: S603 - ours
    with requests.Session() as session:
        session.trust_env = False
        try:
            _wait_ready(process, session, f"http://127.0.0.1:{port}/-/ready", log)
            yield Program(f"http://127.0.0.1:{port}", session)
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE_SECONDS)


def _wait_ready(process: "subprocess.Popen[bytes]", session: requests.Session, url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if session.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{url} does not become ready:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


def prometheus(folder: Path, config: Mapping[str, Any], *arguments: str) -> Any:
    """A Prometheus, as a context."""
    data = f"--storage.tsdb.path={folder / 'data'}"
    return running("prometheus", folder, config, data, "--log.level=warn", *arguments)


def alertmanager(folder: Path, config: Mapping[str, Any]) -> Any:
    """An Alertmanager, as a context; it looks for no others."""
    return running("alertmanager", folder, config, f"--storage.path={folder / 'data'}", "--cluster.listen-address=")


@dataclass(frozen=True, slots=True)
class Call:
    """One alert as it arrived, at this time of the monotonic clock."""

    at: float
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def what(self) -> tuple[str, str]:
        """The alert's name and the credential's."""
        return self.labels["alertname"], self.labels.get("name", "")


@dataclass(slots=True)
class Called:
    """Who is called by Alertmanager's webhook."""

    port: int
    calls: list[Call] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def all(self, status: str) -> set[tuple[str, str]]:
        """Everything that ever arrived with this status."""
        return {call.what for call in list(self.calls) if call.status == status}

    def first(self, alert: str, name: str, status: str, since: float) -> Call | None:
        """The first call of this kind since then."""
        wanted = ((alert, name), status)
        return next((call for call in list(self.calls) if (call.what, call.status) == wanted and call.at > since), None)


@contextmanager
def called() -> Iterator[Called]:
    """Somebody who can be called."""
    made = Called(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            now = time.monotonic()
            made.calls += [Call(now, each["status"], each["labels"], each["annotations"]) for each in body["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with answering(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        made.port = server.server_port
        yield made


def until(holds: Callable[[], object], what: Callable[[], str], within: float) -> None:
    """Poll until `holds`."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"never: {what()}"
        time.sleep(0.05)
