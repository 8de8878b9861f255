"""/healthz and /readyz say what docs/troubleshooting.md says of them: a stalled operator is not a healthy one (P7)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient, TestServer

from kite_operator.clock import LONGEST_SLEEP_SECONDS
from kite_operator.record.metrics import Metrics
from kite_operator.serve import LONGEST_SILENCE_SECONDS, make_app
from support.documents import blocks, page
from support.facts import NOON


@dataclass(slots=True)
class Health:
    """A served operator whose silence and readiness a test sets."""

    silence: float = 0.0
    ready: bool = False
    client: "TestClient | None" = None  # type: ignore[type-arg]  # generic only in newer releases of aiohttp

    async def ask(self, path: str) -> tuple[int, str]:
        assert self.client is not None
        answer = await self.client.get(path)
        return answer.status, await answer.text()


@pytest.fixture
async def health() -> AsyncIterator[Health]:
    made = Health()
    app = make_app(Metrics(lambda: NOON), lambda: made.silence, lambda: made.ready)
    async with TestClient(TestServer(app)) as client:
        made.client = client
        yield made


async def test_an_operator_that_turns_is_healthy(health: Health) -> None:
    health.silence = LONGEST_SILENCE_SECONDS
    assert (200, "ok\n") == await health.ask("/healthz")


async def test_an_operator_that_has_not_turned_for_two_minutes_is_not(health: Health) -> None:
    health.silence = LONGEST_SILENCE_SECONDS + 1
    assert (503, "no progress for 121 s\n") == await health.ask("/healthz")


async def test_it_is_ready_when_the_first_list_is_known(health: Health) -> None:
    assert 503 == (await health.ask("/readyz"))[0]
    health.ready = True
    assert (200, "ok\n") == await health.ask("/readyz")


def test_the_times_that_the_documentation_gives_are_those_of_the_code() -> None:
    assert LONGEST_SILENCE_SECONDS == 120
    assert "has made no progress for two minutes" in page("docs/troubleshooting.md")
    questions = "\n".join(blocks(page("docs/monitoring.md"), "promql"))
    silence = re.search(r"last_progress_timestamp_seconds > (\d+)", questions)
    assert silence is not None
    assert float(silence[1]) == LONGEST_SILENCE_SECONDS
    assert f"at least every {LONGEST_SLEEP_SECONDS:g} seconds" in page("docs/monitoring.md")
