"""The endpoint for reports: access, answers, and limits on what a caller can learn or cost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from kite_operator.cluster.api import Cluster, Manifest
from kite_operator.cluster.reviews import ACCESS_REVIEWS, TOKEN_REVIEWS
from kite_operator.model.errors import ClusterError, ClusterUnavailable, Forbidden
from kite_operator.model.resource import Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.record.metrics import Metrics
from kite_operator.report import limits
from kite_operator.report.consumers import Consumers
from kite_operator.report.endpoint import LARGEST_BODY, ReportHandling, Result, make_app
from kite_operator.report.limits import Peers
from support.broker_fakes import FakeClock
from support.documents import codes, page, rows, section
from support.log_lines import lines

ALPHA = Key("desk", "alpha")
TRADER, AUDITOR = "trader0123456789trader0123456789", "auditor0123456789auditor01234567"
WRONG_AUDIENCE = "elsewhere0123456789elsewhere0123"


class Reviewing(Cluster):
    """An API server with two ServiceAccounts: the trader may read one Secret, the auditor all of the namespace."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: ClusterError | None = None
        self.hanging: asyncio.Event | None = None

    async def create(self, path: str, manifest: Mapping[str, Any]) -> Manifest:
        self.asked.append(path)
        if self.hanging is not None:
            await self.hanging.wait()
        if self.error is not None:
            raise self.error
        return {"status": self._known(manifest["spec"]) if path == TOKEN_REVIEWS else self._may(manifest["spec"])}

    def _known(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        names = {TRADER: "trader", AUDITOR: "auditor", WRONG_AUDIENCE: "trader"}
        if spec["token"] not in names:
            return {"authenticated": False, "error": f"{spec['token']} is not known"}
        user = {"username": f"system:serviceaccount:desk:{names[spec['token']]}", "groups": ["desk"]}
        audiences = ["elsewhere"] if spec["token"] == WRONG_AUDIENCE else spec["audiences"]
        return {"authenticated": True, "user": user, "audiences": audiences}

    def _may(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        what = spec["resourceAttributes"]
        asked = what["namespace"], what["verb"], what["resource"]
        allowed = spec["user"].endswith("auditor") or what.get("name") == "alpha-token"
        return {"allowed": allowed and asked == ("desk", "get", "secrets")}


@dataclass(slots=True)
class Operator:
    """The operator as the endpoint uses it, and a client of the endpoint."""

    cluster: Reviewing = field(default_factory=Reviewing)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: Metrics = field(default_factory=lambda: Metrics(FakeClock().now))
    ready: bool = True
    reports: list[Key] = field(default_factory=list)
    client: "TestClient | None" = None  # type: ignore[type-arg]  # generic only in newer releases of aiohttp

    def target_of(self, key: Key) -> str | None:
        return {ALPHA: "alpha-token", Key("desk", "beta"): "beta-token"}.get(key)

    def report(self, key: Key) -> bool:
        self.reports.append(key)
        return len(self.reports) == 1

    def count(self, word: str) -> float:
        return self.metrics.registry.get_sample_value("kite_operator_dead_token_reports_total", {"result": word}) or 0

    async def post(self, token: str | None = TRADER, name: str = "alpha", **request: Any) -> ClientResponse:
        assert self.client is not None
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        answer = await self.client.post(
            f"/v1/namespaces/desk/kitecredentials/{name}/dead-token", **{"headers": headers, **request}
        )
        await answer.read()
        return answer


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    made = Operator()
    handling = ReportHandling(lambda: made.ready, made.target_of, made.report, made.metrics.count_report)
    app = make_app(handling, Consumers(made.cluster, made.clock, "kite-operator"), Peers(made.clock))
    async with TestClient(TestServer(app)) as client:
        made.client = client
        yield made


async def test_a_consumer_that_may_read_the_secret_reports(operator: Operator) -> None:
    answer = await operator.post()
    assert (202, "accepted") == (answer.status, (await answer.json())["result"])
    assert ([ALPHA], 1) == (operator.reports, operator.count("accepted"))
    answer = await operator.post()
    assert (202, "repeated") == (answer.status, (await answer.json())["result"])


async def test_a_body_is_not_needed_and_is_ignored(operator: Operator) -> None:
    assert 202 == (await operator.post(data=b"{not json")).status
    assert 202 == (await operator.post(data=b"x" * LARGEST_BODY)).status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TRADER}"},
        {"Authorization": TRADER},
        {"Authorization": f"Bearer {TRADER} {TRADER}"},
        {"Authorization": "Bearer nobody0123456789"},
        {"Authorization": f"Bearer {WRONG_AUDIENCE}"},
    ],
)
async def test_an_unknown_token_is_unauthenticated(operator: Operator, headers: dict[str, str]) -> None:
    answer = await operator.post(None, headers=headers)
    assert (401, "Bearer") == (answer.status, answer.headers["WWW-Authenticate"])
    assert ([], 1) == (operator.reports, operator.count("unauthenticated"))
    assert ACCESS_REVIEWS not in operator.cluster.asked


async def test_two_tokens_count_as_none(operator: Operator) -> None:
    assert operator.client is not None
    headers = [("Authorization", f"Bearer {TRADER}"), ("Authorization", f"Bearer {AUDITOR}")]
    answer = await operator.client.post("/v1/namespaces/desk/kitecredentials/alpha/dead-token", headers=headers)
    assert 401 == answer.status


async def test_who_may_not_read_the_secret_cannot_tell_whether_a_credential_is_there(operator: Operator) -> None:
    present, absent = await operator.post(name="beta"), await operator.post(name="gamma")
    assert (403, 403) == (present.status, absent.status)
    assert await present.read() == await absent.read()
    assert set(present.headers) == set(absent.headers)
    assert [] == operator.reports


async def test_existing_and_missing_credentials_take_one_question_to_the_api_server_each(operator: Operator) -> None:
    await operator.post(name="beta")
    for name, questions in (("gamma", 1), ("delta", 1), ("gamma", 0), ("beta", 0)):
        before = len(operator.cluster.asked)
        await operator.post(name=name)
        assert questions == len(operator.cluster.asked) - before


async def test_a_user_who_may_read_every_secret_learns_that_there_is_no_such_credential(operator: Operator) -> None:
    assert 404 == (await operator.post(AUDITOR, "gamma")).status
    assert 202 == (await operator.post(AUDITOR, "beta")).status


async def test_a_report_for_another_namespace_is_forbidden(operator: Operator) -> None:
    assert operator.client is not None
    answer = await operator.client.post(
        "/v1/namespaces/other/kitecredentials/alpha/dead-token", headers={"Authorization": f"Bearer {AUDITOR}"}
    )
    assert 403 == answer.status


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_large_body_is_refused_before_any_review(operator: Operator, streamed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * LARGEST_BODY
        yield b"x"

    assert 413 == (await operator.post(data=chunks() if streamed else b"x" * (LARGEST_BODY + 1))).status
    assert [] == operator.cluster.asked


async def test_another_method_is_refused_with_the_allowed_one(operator: Operator) -> None:
    assert operator.client is not None
    answer = await operator.client.get("/v1/namespaces/desk/kitecredentials/alpha/dead-token")
    assert (405, "POST") == (answer.status, answer.headers["Allow"])
    assert 1 == operator.count("invalid")


@pytest.mark.parametrize("path", ["/", "/v1/namespaces/desk/kitecredentials/AL%0aPHA/dead-token", "/v1/metrics"])
async def test_another_path_is_not_found(operator: Operator, path: str) -> None:
    assert operator.client is not None
    assert 404 == (await operator.client.post(path, headers={"Authorization": f"Bearer {TRADER}"})).status
    assert [] == operator.cluster.asked


async def test_a_storm_of_one_consumer_costs_two_questions_and_is_slowed(operator: Operator) -> None:
    answers = [await operator.post() for _ in range(60)]
    assert [202] * 20 + [429] * 40 == [answer.status for answer in answers]
    assert "1" == answers[-1].headers["Retry-After"]
    assert [TOKEN_REVIEWS, ACCESS_REVIEWS] == operator.cluster.asked
    assert 40 == operator.count("rate-limited")
    operator.clock.boot += limits.ANSWER_SECONDS
    assert 202 == (await operator.post()).status
    assert 4 == len(operator.cluster.asked)


async def test_a_storm_of_invented_tokens_is_slowed_before_the_api_server(operator: Operator) -> None:
    statuses = []
    for number in range(60):
        operator.clock.boot += 0.001
        statuses.append((await operator.post(f"invented{number}")).status)
    assert {401, 429} == set(statuses)
    assert len(operator.cluster.asked) <= limits.REVIEW_BURST


@pytest.mark.parametrize("error", [ClusterUnavailable("POST", status=0), Forbidden("POST", status=403)])
async def test_no_report_is_accepted_without_an_answer_of_the_api_server(
    operator: Operator, error: ClusterError
) -> None:
    operator.cluster.error = error
    answer = await operator.post()
    assert (503, []) == (answer.status, operator.reports)
    assert int(answer.headers["Retry-After"]) > 0
    operator.cluster.error = None
    assert 202 == (await operator.post()).status  # a failed review is not cached


async def test_few_questions_are_under_way_when_the_api_server_hangs(operator: Operator) -> None:
    operator.cluster.hanging = asyncio.Event()
    waiting = [asyncio.create_task(operator.post(f"token{number}")) for number in range(limits.REVIEWS_AT_ONCE + 3)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 3:
        more, _ = await asyncio.wait(set(waiting) - done, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert {429} == {task.result().status for task in done}
    assert limits.REVIEWS_AT_ONCE == len(operator.cluster.asked)
    operator.cluster.hanging.set()
    await asyncio.gather(*waiting)


async def test_a_report_before_the_first_list_is_answered_with_unavailable(operator: Operator) -> None:
    operator.ready = False
    answer = await operator.post(AUDITOR, "gamma")
    assert (503, "1") == (answer.status, answer.headers["Retry-After"])
    assert ([], []) == (operator.cluster.asked, operator.reports)


async def test_an_internal_error_is_counted_and_its_text_is_not_shown(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fault(*_: object) -> None:
        raise RuntimeError(TRADER)

    monkeypatch.setattr(Consumers, "authenticate", fault)
    answer = await operator.post()
    assert (500, 1) == (answer.status, operator.count("unavailable"))
    assert "RuntimeError" in caplog.text
    assert TRADER not in caplog.text + await answer.text()


async def test_a_report_is_logged_in_one_line_without_its_token(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [await operator.post(), await operator.post("nobody0123456789"), await operator.post(name="beta")]
    assert [
        "token reported dead credential=desk/alpha outcome=accepted user=system:serviceaccount:desk:trader",
        "token reported dead credential=desk/alpha outcome=unauthenticated user=unknown",
        "token reported dead credential=desk/beta outcome=forbidden user=system:serviceaccount:desk:trader",
    ] == lines(caplog.records)
    output = caplog.text + "".join([await answer.text() for answer in answers])
    assert TRADER not in output
    assert "nobody0123456789" not in output


async def test_what_is_remembered_of_a_token_does_not_hold_it(operator: Operator) -> None:
    consumers = Consumers(operator.cluster, operator.clock, "kite-operator")
    await consumers.authenticate(Sensitive(TRADER))
    assert TRADER not in repr(vars(consumers)) + repr(vars(consumers._users))


def test_every_result_is_described() -> None:
    described = {code for row in rows(section(page("docs/monitoring.md"), "Reports"))[1:] for code in codes(row[0])}
    assert {result.word for result in Result} == described
