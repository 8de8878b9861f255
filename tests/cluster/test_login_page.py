"""The login page of a real operator, against a real API server and the sandbox; the person has no browser here."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import yaml

from support.controlplane import ControlPlane, Kubectl
from support.documents import blocks
from support.documents import page as page_of
from support.login_page import LoginPage, Person, at_kite, desk, hidden, serve_login_page
from support.ports import free_port
from support.sandbox import SandboxApp
from support.world import REDIRECT_URL, World


@contextmanager
def somebody(page: LoginPage) -> Iterator[Person]:
    """A person who has entered the passphrase."""
    with Person(page.public) as person:
        assert 303 == person.enter().status_code
        yield person


def log_in(world: World, person: Person, app: SandboxApp, client_id: str = "AB1234", name: str = "alpha") -> str:
    """From the button to the page with the result; gives its address."""
    location = person.start(f"/login/{world.namespace}/{name}").headers["Location"]
    back = person.get(at_kite(world.sandbox, client_id, app, location))
    assert 303 == back.status_code
    return str(back.headers["Location"])


def result(world: World, person: Person, address: str, heading: str) -> str:
    """The page with the result once it has this heading."""
    shown: list[str] = []

    def is_told() -> bool:
        shown.append(person.get(address).text)
        return f"</span>{heading}</h1>" in shown[-1]

    world.until(is_told, heading)
    return shown[-1]


def exchanges(world: World) -> int:
    return world.sandbox.counters("AB1234").count("session_token")


def grants(world: World) -> list[str]:
    items = world.api.get(world.path("secrets"))["items"]
    return [each["metadata"]["name"] for each in items if each.get("type") == "kite-operator.dev/login-grant"]


def test_the_page_is_named_where_people_look_while_a_person_is_needed(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    address = page.of("alpha", world.namespace)
    assert address == world.status()["loginURL"]
    assert f"log in at {address}." in world.condition("LoginRequired")[2]
    with somebody(page) as person:
        log_in(world, person, app)
    world.wait("SessionActive")
    world.until(lambda: "loginURL" not in world.status(), "the link is gone")


def test_a_login_ends_in_a_proven_token_and_says_until_when(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    with somebody(page) as person:
        assert "alpha</a>" in person.get("/").text
        address = log_in(world, person, app)
        text = result(world, person, address, "You are logged in")
        assert "valid until 06:00 Indian time on" in text
        world.until(lambda: "No login is needed" in person.get("/").text, "the list is empty")
    assert "AB1234" == (world.target() or {})["user_id"]
    last = world.status()["lastLogin"]
    assert (address.rpartition("/")[2], "Refreshed") == (last["grant"], last["reason"])
    assert [] == grants(world)
    assert 1.0 == page.operator.metric('kite_operator_login_page_total{outcome="handed-over"}')


def test_a_login_that_begins_at_one_replica_may_end_at_another(world: World) -> None:
    first = serve_login_page(world)
    second = serve_login_page(world, public=first.public)
    app, _ = desk(world, first)
    with somebody(first) as person:
        location = person.start(f"/login/{world.namespace}/alpha").headers["Location"]
        back = at_kite(world.sandbox, "AB1234", app, location)
        person.port = second.port
        address = person.get(back).headers["Location"]
        result(world, person, address, "You are logged in")
        person.port = first.port
        result(world, person, address, "You are logged in")
    assert 1 == exchanges(world)
    assert 1.0 == second.operator.metric('kite_operator_login_page_total{outcome="handed-over"}')


def test_a_replay_is_refused_by_every_replica(world: World) -> None:
    first = serve_login_page(world)
    second = serve_login_page(world, public=first.public)
    app, _ = desk(world, first)
    with somebody(first) as person:
        location = person.start(f"/login/{world.namespace}/alpha").headers["Location"]
        back, kept = at_kite(world.sandbox, "AB1234", app, location), person.http.cookies.copy()
        address = person.get(back).headers["Location"]
        result(world, person, address, "You are logged in")
        person.http.cookies.update(kept)
        for port in (first.port, second.port):
            person.port = port
            assert address == person.get(back).headers["Location"]
            person.http.cookies.update(kept)
    world.settle()
    assert [] == grants(world)
    assert 1 == exchanges(world)
    assert 1 == world.events().count("Refreshed")


def test_a_foreign_state_changes_nothing(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    version = world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["resourceVersion"]
    with somebody(page) as person, Person(page.public) as stranger:
        location = person.start(f"/login/{world.namespace}/alpha").headers["Location"]
        stolen = at_kite(world.sandbox, "AB1234", app, location)
        assert "/notice/other-browser" == stranger.get(stolen).headers["Location"]
        forged = world.sandbox.redirect("AB1234", app.api_key, state="WyJ4Il0.x")
        assert "/notice/foreign" == person.get(forged).headers["Location"]
    world.settle()
    assert version == world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["resourceVersion"]
    assert 0 == exchanges(world)


def test_the_session_of_another_client_is_told_and_not_published(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    world.sandbox.add_account("ZZ9999")
    with somebody(page) as person:
        text = result(world, person, log_in(world, person, app, "ZZ9999"), "That was another account")
        assert "log in as AB1234" in text
    assert world.target() is None


def test_a_login_that_is_not_needed_is_told_with_the_time_that_the_token_has(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    with somebody(page) as person:
        result(world, person, log_in(world, person, app), "You are logged in")
        token = world.token()
        text = result(world, person, log_in(world, person, app), "A login was not needed")
        assert "The present token works until 06:00 Indian time on" in text
    assert token == world.token()


def test_a_wrong_app_secret_is_told_by_the_name_of_its_secret(world: World) -> None:
    page = serve_login_page(world)
    app, account = desk(world, page)
    world.sources(app, account, api_secret="wrongsecret000000000000000000000")
    with somebody(page) as person:
        text = result(world, person, log_in(world, person, app), "The app&#39;s secret is wrong")
        assert "Secret &#39;alpha-app&#39;" in text


def test_a_request_token_that_is_too_old_is_told(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    world.sandbox.switch(request_token_ttl_s=1)
    with somebody(page) as person:
        location = person.start(f"/login/{world.namespace}/alpha").headers["Location"]
        back = at_kite(world.sandbox, "AB1234", app, location)
        world.clock.move(30)
        result(world, person, person.get(back).headers["Location"], "This login was used already")


def test_a_suspended_credential_says_so_while_its_login_waits(world: World) -> None:
    page = serve_login_page(world)
    app, _ = desk(world, page)
    with somebody(page) as person:
        location = person.start(f"/login/{world.namespace}/alpha").headers["Location"]
        world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}})
        world.wait("Suspended")
        address = person.get(at_kite(world.sandbox, "AB1234", app, location)).headers["Location"]
        assert "Not used yet" in person.get(address).text


def test_where_nothing_answers_at_the_redirect_url_its_address_is_pasted(world: World) -> None:
    page = serve_login_page(world)
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    with somebody(page) as person:
        path = f"/login/{world.namespace}/alpha"
        assert "2. Bring the address back" in person.get(path).text
        address = world.sandbox.redirect("AB1234", app.api_key)
        assert address.startswith(REDIRECT_URL)
        pasted = person.paste(path, address)
        assert 303 == pasted.status_code
        result(world, person, pasted.headers["Location"], "You are logged in")
        again = person.paste(path, address)
        assert pasted.headers["Location"] == again.headers["Location"]
    assert 1 == exchanges(world)
    world.assert_nothing_leaked(address.partition("request_token=")[2].partition("&")[0])


def test_a_robot_that_waits_for_a_consent_is_helped_by_a_person(world: World) -> None:
    page = serve_login_page(world)
    app, account = world.broker(redirect_url=page.callback)
    world.sandbox.switch("AB1234", consent_pending=True)
    world.sources(app, account)
    world.credential(redirectURL=page.callback)
    world.wait("ConsentRequired")
    assert page.of("alpha", world.namespace) == world.status()["loginURL"]
    with somebody(page) as person:
        assert "alpha</a>" in person.get("/").text
        result(world, person, log_in(world, person, app), "You are logged in")


def test_what_aiohttp_cannot_read_is_not_logged(world: World) -> None:
    page = serve_login_page(world)
    token = "requesttoken00000000000000000001"
    for line in (
        f"GET /callback?request_token={token}{'x' * 9000} HTTP/1.1",
        f"GET /callback?request_token={token} HTTP/9",
    ):
        with socket.create_connection(("127.0.0.1", page.port)) as connection:
            connection.sendall(f"{line}\r\nHost: x\r\n{token}\r\n\r\n".encode())
            connection.recv(4096)
    world.settle(0.3)
    world.assert_nothing_leaked(token)


def test_without_a_setting_there_is_no_page(world: World) -> None:
    operator = world.operator()
    world.alpha(mode="Manual")
    world.wait("LoginRequired")
    assert "loginURL" not in world.status()
    assert 404 == operator.get("/callback")[0]


def documented_rights(world: World, kubectl: Kubectl, user: str) -> None:
    """What docs/security.md and docs/login-page.md grant to a cluster-wide operator, for `user`."""
    roles = {
        role["metadata"]["name"]: role["rules"]
        for name in ("docs/security.md", "docs/login-page.md")
        for role in map(yaml.safe_load, blocks(page_of(name), "yaml"))
        if role.get("kind") in ("Role", "ClusterRole")  # the pages show values of the chart too
    }
    accounts = {"kind": "Role", "metadata": {"name": user}, "rules": roles["kite-operator-accounts"]}
    everywhere = {
        "kind": "ClusterRole",
        "metadata": {"name": user},
        "rules": roles["kite-operator"] + roles["kite-operator-login-page"],
    }
    for role in (accounts, everywhere):
        manifest = yaml.safe_dump({"apiVersion": "rbac.authorization.k8s.io/v1", **role})
        kubectl("apply", "--namespace", world.namespace, "--filename", "-", input=manifest)
    kubectl("create", "rolebinding", user, "--namespace", world.namespace, "--role", user, "--user", user)
    kubectl("create", "clusterrolebinding", user, "--clusterrole", user, "--user", user)


@pytest.fixture
def behind_proxy(world: World, control_plane: ControlPlane, kubectl: Kubectl) -> Iterator[LoginPage]:
    """A page behind a proxy, of a cluster-wide operator that handles this test's credentials alone."""
    for person, verbs in (("asha", "create"), ("ravi", "get")):
        kubectl("create", "role", person, "-n", world.namespace, "--verb", verbs, "--resource", "secrets")
        kubectl("create", "rolebinding", person, "-n", world.namespace, "--role", person, "--user", person)
    user, port = f"page-{world.namespace}", free_port()
    documented_rights(world, kubectl, user)
    limited = replace(world, kubeconfig=control_plane.kubeconfig_for(user), operators=world.operators)
    arguments = ("--login-auth", "proxy", "--login-trusted-proxies", "127.0.0.0/8", "--namespaces", "")
    named = ("--class-name", world.namespace)
    yield serve_login_page(limited, *arguments, *named, public=f"http://localhost:{port}", port=port)
    kubectl("delete", "clusterrole,clusterrolebinding", user)


def test_behind_a_proxy_kubernetes_says_who_may_log_in(world: World, behind_proxy: LoginPage) -> None:
    app, account = world.broker(redirect_url=behind_proxy.callback)
    world.sources(app, account)
    world.credential(mode="Manual", redirectURL=behind_proxy.callback, className=world.namespace)
    world.wait("LoginRequired")
    path = f"/login/{world.namespace}/alpha"
    with (
        Person(behind_proxy.public) as ravi,
        Person(behind_proxy.public) as asha,
        Person(behind_proxy.public) as nobody,
    ):
        ravi.http.headers["X-Forwarded-User"] = "ravi"
        asha.http.headers["X-Forwarded-User"] = "asha"
        assert [403, 404, 200] == [each.get(path).status_code for each in (nobody, ravi, asha)]
        assert ["alpha</a>" in each.get("/").text for each in (ravi, asha)] == [False, True]
        mark = hidden(asha.get(path))["form_token"]
        ravi.http.cookies.update(asha.http.cookies)
        assert 404 == ravi.post(path, {"form_token": mark}).status_code
        result(world, asha, log_in(world, asha, app), "You are logged in")
    assert "outcome=started user=asha" in world.logs()


def test_the_passphrase_is_made_as_the_page_says(world: World, kubectl: Kubectl, control_plane: ControlPlane) -> None:
    [command] = [text for text in blocks(page_of("docs/login-page.md"), "console") if "read -rs" in text]
    lines = [line.strip().removeprefix("$ ") for line in command.splitlines()]
    text = "; ".join(lines).replace("--namespace kite-operator", f"--namespace {world.namespace}")
    environment = control_plane.environment | {"PATH": f"{control_plane.kubectl.parent}:{os.environ['PATH']}"}
    typed = 'made up "words" of \\ a desk'
    shell = ["/bin/bash", "-euo", "pipefail", "-c", text]
    subprocess.run(shell, env=environment, input=f"{typed}\n", text=True, check=True)  # noqa: S603 - our own page
    del kubectl
    page = serve_login_page(world)
    with Person(page.public) as person:
        assert 303 == person.enter(typed).status_code
