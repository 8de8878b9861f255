"""`kite_operator_watch_up` says what the API server has accepted, not that Kopf runs: that tries on where refused."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from kite_operator.model.resource import GROUP, PLURAL, VERSION
from kite_operator.watch import Watch, WatchSettings
from support.controlplane import ControlPlane, Kubectl
from support.rights import DOCUMENTED
from support.world import World

PATIENCE_SECONDS = 60.0
CREDENTIALS = f"/apis/{GROUP}/{VERSION}/{PLURAL}"
SECRETS = "/api/v1/secrets"
ERROR = b'{"type": "ERROR", "object": {"code": 500, "message": "made up"}}\n'
UP = "kite_operator_watch_up"


@dataclass
class FakeApiServer:
    """As much of an API server as Kopf asks for: `answers` is what a watch of a path gets instead of 200."""

    answers: dict[str, int] = field(default_factory=dict)
    watched: list[tuple[str, int]] = field(default_factory=list)
    says: bytes = b""
    """By each stream, before it ends."""
    said: int = 0
    has_crd: bool = True
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end_streams(self) -> None:
        """Every stream that is open ends, as each does after some minutes."""
        self._ended.set()
        self._ended = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        if request.path in (CREDENTIALS, SECRETS):
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        return web.json_response(self._discovered(request.path))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        status = self.answers.get(request.path, 200)
        self.watched.append((request.path, status))
        answer = web.StreamResponse(status=status, headers={"Retry-After": "1"} if status == 429 else {})
        await answer.prepare(request)
        if self.says:
            await answer.write(self.says)
            self.said += 1
        elif status == 200:
            await self._ended.wait()
        return answer

    def _discovered(self, path: str) -> dict[str, Any]:
        ours = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        crds = {"groupVersion": "apiextensions.k8s.io/v1", "version": "v1"}
        groups = {"apiextensions.k8s.io": crds} | ({GROUP: ours} if self.has_crd else {})
        known: dict[str, dict[str, Any]] = {
            "/api": {"versions": ["v1"]},
            "/api/v1": {
                "resources": [resource("namespaces", namespaced=False), resource("secrets"), resource("events")]
            },
            "/apis": {
                "groups": [{"name": name, "versions": [at], "preferredVersion": at} for name, at in groups.items()]
            },
            "/apis/apiextensions.k8s.io/v1": {"resources": [resource("customresourcedefinitions", namespaced=False)]},
            f"/apis/{GROUP}/{VERSION}": {"resources": [resource(PLURAL)]},
        }
        return known[path]

    def tries(self, path: str, status: int) -> int:
        return self.watched.count((path, status))


def resource(name: str, *, namespaced: bool = True) -> dict[str, Any]:
    names = {"name": name, "singularName": "", "kind": name.title()}
    return names | {"namespaced": namespaced, "verbs": ["list", "watch"]}


@asynccontextmanager
async def watching(server: FakeApiServer, on_restart: Callable[[], None] = lambda: None) -> AsyncIterator[Watch]:
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    async with TestServer(app) as running:
        configuration = Configuration(host=str(running.make_url("")).rstrip("/"))
        watch = Watch(configuration, WatchSettings(), lambda *_: None, on_restart)
        watch.start()
        try:
            yield watch
        finally:
            server.end_streams()
            await watch.stop()


async def until(holds: Callable[[], object], _what: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - what is awaited happens in another thread
            await asyncio.sleep(0.01)


async def test_the_watches_are_up_when_both_are_accepted_and_again_after_their_regular_end() -> None:
    server = FakeApiServer()
    async with watching(server) as watch:
        assert not watch.is_up()
        await until(watch.is_up, "both are accepted")
        assert {(CREDENTIALS, 200), (SECRETS, 200)} == set(server.watched)
        server.end_streams()
        await until(lambda: len(server.watched) >= 4, "both are asked for again")
        await until(watch.is_up, "both are accepted again")


@pytest.mark.parametrize(("path", "status"), [(CREDENTIALS, 403), (SECRETS, 500), (CREDENTIALS, 429)])
async def test_one_watch_that_is_refused_is_enough_to_be_down_for_as_long_as_it_is(path: str, status: int) -> None:
    server = FakeApiServer({path: status})
    async with watching(server) as watch:
        for tries in (1, 2, 3):
            await until(lambda tries=tries: server.tries(path, status) >= tries, "it is tried again")  # type: ignore[misc]  # bound at definition
            assert not watch.is_up()
        del server.answers[path]
        await until(watch.is_up, "it is accepted at last")


async def test_a_stream_that_ends_and_is_refused_then_is_down() -> None:
    server = FakeApiServer()
    async with watching(server) as watch:
        await until(watch.is_up, "both are accepted")
        server.answers[SECRETS] = 503
        server.end_streams()
        await until(lambda: server.tries(SECRETS, 503), "it is refused")
        await until(lambda: not watch.is_up(), "it is down")


async def test_credentials_that_are_refused_are_read_anew_until_they_are_accepted() -> None:
    server = FakeApiServer({CREDENTIALS: 401, SECRETS: 401})
    async with watching(server) as watch:
        await until(lambda: server.tries(CREDENTIALS, 401) + server.tries(SECRETS, 401) >= 4, "they are tried again")
        assert not watch.is_up()
        server.answers.clear()
        await until(watch.is_up, "they are accepted")


async def test_watches_that_end_with_an_error_are_begun_anew_and_a_list_is_asked_for() -> None:
    server, restarts = FakeApiServer(), asyncio.Event()
    async with watching(server, restarts.set) as watch:
        await until(watch.is_up, "both are accepted")
        server.says = ERROR
        server.end_streams()
        await until(lambda: server.said, "one ends with an error")
        server.says = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await restarts.wait()
        await until(watch.is_up, "they are accepted again")


async def test_they_are_begun_anew_when_one_ends_with_an_error_while_another_is_refused() -> None:
    server, restarts = FakeApiServer({SECRETS: 403}), asyncio.Event()
    async with watching(server, restarts.set) as watch:
        await until(lambda: server.tries(SECRETS, 403) >= 2, "one is refused")
        server.says = ERROR
        server.end_streams()
        await until(lambda: server.said, "the other one ends with an error")
        server.says = b""
        del server.answers[SECRETS]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await restarts.wait()
        await until(watch.is_up, "both are accepted")


async def test_without_the_crd_they_are_not_up() -> None:
    server = FakeApiServer(has_crd=False)
    async with watching(server) as watch:
        await until(lambda: (SECRETS, 200) in server.watched, "what there is is watched")
        assert not watch.is_up()


def test_a_real_operator_that_may_not_watch_says_so_and_recovers_when_it_may(
    world: World, control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    user = f"system:serviceaccount:{world.namespace}:no-watch"
    world.kubeconfig = control_plane.kubeconfig_for(user)
    roles = {name: f"{name}-{uuid.uuid4().hex[:8]}" for name in ("kite-operator", "kite-operator-accounts")}
    for name, own in roles.items():
        kubectl("apply", "--filename=-", input=yaml.safe_dump(role(own, name, without="watch")))
        kubectl(
            *("--namespace", world.namespace, "create", "rolebinding", own), f"--clusterrole={own}", f"--user={user}"
        )
    operator = world.operator()
    world.until(lambda: operator.log.read_text().count("will retry") >= 4, "Kopf tries again", within=PATIENCE_SECONDS)
    assert [0.0, (200, "ok\n")] == [operator.metric(UP), operator.get("/readyz")]
    kubectl("apply", "--filename=-", input=yaml.safe_dump(role(roles["kite-operator"], "kite-operator")))
    world.until(lambda: operator.metric(UP) == 1.0, "it may watch", within=PATIENCE_SECONDS)


def role(name: str, documented: str, without: str = "") -> dict[str, Any]:
    rules = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb != without]}
        for rule in DOCUMENTED[documented]["rules"]
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
