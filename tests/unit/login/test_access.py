"""Access by a proxy: its header counts from a trusted peer only and once, and the API server reviews the user."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from kite_operator.login.access import ByProxy, Visitor, client_of, parse_networks
from support.broker_fakes import FakeClock
from support.login_desk import PAGE, TOKEN, ReviewingCluster, open_desk

PROXIES = parse_networks(("10.42.0.0/16", "fd00::/64"))
ASHA = {"X-Forwarded-User": "asha@desk.example"}
SETTINGS = {"login_auth": "proxy", "login_trusted_proxies": ("127.0.0.0/8", "::1/128")}


class Peer:
    """The peer of a connection."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self.address, 1234) if name == "peername" else default


def asked(peer: str, *headers: tuple[str, str]) -> object:
    return make_mocked_request("GET", "/", headers=CIMultiDict(headers), transport=Peer(peer))


def by_proxy(cluster: ReviewingCluster | None = None) -> ByProxy:
    return ByProxy(cluster or ReviewingCluster(), FakeClock(), PROXIES, "X-Forwarded-User", "X-Forwarded-Groups")


async def named(peer: str, *headers: tuple[str, str]) -> Visitor | None:
    return await by_proxy().visitor(asked(peer, *headers))  # type: ignore[arg-type]  # a mock


async def test_a_trusted_proxy_names_a_user_and_their_groups() -> None:
    headers = (("X-Forwarded-User", "asha"), ("x-forwarded-groups", "desk, quants,"), ("X-Forwarded-Groups", "desk"))
    assert Visitor("asha", ("desk", "quants")) == await named("10.42.7.1", *headers)
    assert Visitor("asha", ("desk", "quants")) == await named("::ffff:10.42.7.1", *headers)


@pytest.mark.parametrize("peer", ["10.43.0.1", "192.0.2.1", "fd00:1::1", "", "unix:"])
async def test_the_header_of_any_other_peer_is_ignored(peer: str) -> None:
    assert await named(peer, ("X-Forwarded-User", "asha")) is None


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("X-Forwarded-User", ""),),
        (("X-Forwarded-User", "asha"), ("X-Forwarded-User", "admin")),
        (("X-Forwarded-User", "system:admin"),),
        (("X-Forwarded-User", "a\x01b"),),
        (("X-Forwarded-User", "x" * 257),),
    ],
)
async def test_a_header_that_is_not_a_single_valid_name_identifies_no_visitor(
    headers: tuple[tuple[str, str], ...],
) -> None:
    assert await named("10.42.7.1", *headers) is None


async def test_no_proxy_makes_a_person_one_of_kubernetes_own() -> None:
    headers = (("X-Forwarded-User", "asha"), ("X-Forwarded-Groups", "system:masters,desk"))
    assert Visitor("asha", ("desk",)) == await named("10.42.7.1", *headers)


async def test_the_api_server_reviews_whether_the_user_may_create_secrets_there() -> None:
    cluster = ReviewingCluster()
    cluster.allowed = {("desk-people", "desk")}
    access, asha = by_proxy(cluster), Visitor("asha", ("desk-people",))
    assert await access.may(asha, "desk")
    assert not await access.may(asha, "other")
    assert not await access.may(Visitor("asha"), "desk")
    assert {
        "user": "asha",
        "uid": "",
        "extra": {},
        "groups": ["desk-people", "system:authenticated"],
        "resourceAttributes": {"namespace": "desk", "verb": "create", "version": "v1", "resource": "secrets"},
    } == cluster.reviews[0]


async def test_an_answer_is_kept_for_five_seconds() -> None:
    cluster = ReviewingCluster()
    access = by_proxy(cluster)
    assert not await access.may(Visitor("asha"), "desk")
    cluster.allowed = {("asha", "desk")}
    assert not await access.may(Visitor("asha"), "desk")
    assert isinstance(access.clock, FakeClock)
    access.clock.boot += 5
    assert await access.may(Visitor("asha"), "desk")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.42.7.1", "203.0.113.9", "203.0.113.9"),
        ("10.42.7.1", "198.51.100.1, 203.0.113.9, 10.42.9.9", "203.0.113.9"),
        ("10.42.7.1", "nonsense", "10.42.7.1"),
        ("10.42.7.1", "", "10.42.7.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.42.7.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_a_try_is_counted_for_the_nearest_untrusted_address(peer: str, forwarded: str, client: str) -> None:
    request = asked(peer, ("X-Forwarded-For", forwarded))
    assert client == client_of(request, PROXIES)  # type: ignore[arg-type]  # a mock


async def test_behind_a_proxy_a_user_sees_the_credentials_they_may_log_in_for() -> None:
    async with open_desk(**SETTINGS) as desk:
        assert "/login/desk/alpha" not in await (await desk.get("/kite/", **ASHA)).text()
        assert 404 == (await desk.get(PAGE, **ASHA)).status
        desk.cluster.allowed = {("asha@desk.example", "desk")}
        desk.clock.boot += 5
        assert "/login/desk/alpha" in await (await desk.get("/kite/", **ASHA)).text()
        assert 200 == (await desk.get(PAGE, **ASHA)).status


async def test_without_the_header_every_page_is_refused() -> None:
    async with open_desk(**SETTINGS) as desk:
        for path in ("/kite/", PAGE):
            assert 403 == (await desk.get(path)).status
        assert 403 == (await desk.post("/kite/enter", {"passphrase": "x"})).status


async def test_a_user_who_lost_the_right_meanwhile_creates_no_grant() -> None:
    async with open_desk(**SETTINGS) as desk:
        desk.cluster.allowed = {("asha@desk.example", "desk")}
        desk.browser.session.headers.update(ASHA)
        state = await desk.state()
        desk.cluster.allowed = set()
        desk.clock.boot += 5
        assert "/kite/notice/foreign" == await desk.come_back(state)
        assert {} == desk.grants()


async def test_a_user_with_the_right_creates_a_grant_and_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with open_desk(**SETTINGS) as desk:
        desk.cluster.allowed = {("asha@desk.example", "desk")}
        desk.browser.session.headers.update(ASHA)
        await desk.come_back(await desk.state())
        assert [TOKEN] == list(desk.grants().values())
    assert "login page event credential=desk/alpha outcome=started user=asha@desk.example" in caplog.text
