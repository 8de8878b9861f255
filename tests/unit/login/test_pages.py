"""The pages: access, the start of a login, its callback, and that nothing else changes anything."""

import logging
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient

from kite_operator.cluster.api import credentials_path, secrets_path
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import ClusterUnavailable
from kite_operator.model.resource import Status
from kite_operator.model.sensitive import Sensitive
from support.facts import API_KEY, API_SECRET, ist
from support.login_desk import PAGE, PASSPHRASE, PUBLIC, TOKEN, Setup, hidden, last_login, open_desk, put_secret

SECRETS = (TOKEN, PASSPHRASE, API_KEY, API_SECRET)
REDIRECT = f"{PUBLIC}/callback"


# The passphrase


async def test_without_the_passphrase_nothing_is_shown_of_any_credential() -> None:
    async with open_desk() as desk:
        for path in ("/kite/", PAGE, "/kite/login/desk/nosuch", "/kite/result/desk/alpha/alpha-login-0123"):
            answer = await desk.get(path)
            text = await answer.text()
            assert "Passphrase</h1>" in text
            assert "AB1234" not in text
        assert [] == [path for verb, path in desk.cluster.journal if "kitecredentials" in path]


async def test_the_passphrase_opens_the_page_that_was_asked_for() -> None:
    async with open_desk() as desk:
        fields = hidden(await (await desk.get(PAGE)).text())
        answer = await desk.post("/kite/enter", fields | {"passphrase": PASSPHRASE})
        assert (303, PAGE) == (answer.status, answer.headers["Location"])
        assert "AB1234" in await (await desk.get(PAGE)).text()


@pytest.mark.parametrize("wrong", ["", "wrong", PASSPHRASE + " ", PASSPHRASE[:-1], "é" * 20])
async def test_a_wrong_passphrase_opens_nothing(wrong: str) -> None:
    async with open_desk() as desk:
        answer = await desk.enter(wrong)
        assert 403 == answer.status
        assert "That is not the passphrase" in await answer.text()
        assert "Passphrase</h1>" in await (await desk.get("/kite/")).text()


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/login/../..//evil.example",
        "/enter",
        "login/a/b",
        "/%2f",
    ],
)
async def test_it_leads_to_no_other_site(following: str) -> None:
    async with open_desk() as desk:
        assert "/kite/" == (await desk.enter(following=following)).headers["Location"]


async def test_wrong_passphrases_are_bounded_and_the_right_one_is_not_tried_then() -> None:
    async with open_desk() as desk:
        for _ in range(5):
            assert 403 == (await desk.enter("wrong")).status
        assert 429 == (await desk.enter()).status
        desk.clock.boot += 30
        assert 303 == (await desk.enter()).status
        assert ["passphrase-wrong"] * 5 + ["too-many", "passphrase-accepted"] == desk.said


async def test_wrong_passphrases_are_bounded_over_all_addresses_too() -> None:
    async with open_desk(login_trusted_proxies=("127.0.0.0/8",)) as desk:
        mark = await desk.mark()
        for number in range(61):
            headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": f"203.0.113.{number}"}
            answer = await desk.post("/kite/enter", mark | {"passphrase": "wrong"}, headers)
        assert 429 == answer.status


async def test_a_forwarded_address_of_a_stranger_is_not_believed() -> None:
    async with open_desk() as desk:
        mark = await desk.mark()
        for number in range(6):
            headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": f"203.0.113.{number}"}
            answer = await desk.post("/kite/enter", mark | {"passphrase": "wrong"}, headers)
        assert 429 == answer.status


async def test_a_session_ends_after_an_hour() -> None:
    async with open_desk() as desk:
        await desk.enter()
        desk.clock.wall += timedelta(minutes=59)
        assert "Waiting for a login" in await (await desk.get("/kite/")).text()
        desk.clock.wall += timedelta(minutes=2)
        assert "Passphrase</h1>" in await (await desk.get("/kite/")).text()


async def test_a_changed_passphrase_ends_every_session() -> None:
    async with open_desk() as desk:
        await desk.enter()
        put_secret(desk.cluster, "kite", "kite-login-passphrase", passphrase="another made-up passphrase")
        desk.clock.boot += 10
        assert "Passphrase</h1>" in await (await desk.get("/kite/")).text()


async def test_the_keys_alone_open_no_session_of_the_page() -> None:
    async with open_desk() as desk:
        assert desk.context.passphrase is not None
        forged = desk.context.passphrase.session(Sensitive("a guess of a passphrase"))
        answer = await desk.get("/kite/", Cookie=f"__Secure-kite-session={forged}")
        assert "Passphrase</h1>" in await answer.text()
        known = desk.context.passphrase.session(Sensitive(PASSPHRASE))
        answer = await desk.get("/kite/", Cookie=f"__Secure-kite-session={known}")
        assert "Waiting for a login" in await answer.text()


async def test_a_visitor_who_signs_out_needs_the_passphrase_again() -> None:
    async with open_desk() as desk:
        await desk.enter()
        assert 303 == (await desk.post("/kite/leave", await desk.mark())).status
        assert "Passphrase</h1>" in await (await desk.get("/kite/")).text()


@pytest.mark.parametrize("values", [{}, {"passphrase": "short"}, {"passphrase": "x" * 300}, {"other": PASSPHRASE}])
async def test_an_unusable_passphrase_opens_nothing_and_is_logged_once(
    values: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with open_desk() as desk:
        put_secret(desk.cluster, "kite", "kite-login-passphrase", **values)
        for _ in range(3):
            desk.clock.boot += 10
            assert 503 == (await desk.enter(values.get("passphrase", ""))).status
    messages = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert 1 == len(messages)
    assert "Secret kite/kite-login-passphrase has no key passphrase of 16 to 256 letters" in messages[0]


async def test_the_passphrase_is_not_read_again_for_every_request() -> None:
    async with open_desk() as desk:
        for _ in range(20):
            await desk.get("/kite/")
        assert 1 == len([path for _, path in desk.cluster.journal if path.endswith("kite-login-passphrase")])


# The list and a credential's page


async def test_the_list_has_the_credentials_that_wait_and_no_others() -> None:
    async with open_desk() as desk:
        desk.put_credential("bravo", Status(conditions=(Condition("LoginRequired", "False", "NotRequired", ""),)))
        desk.put_credential("charlie", Status(conditions=(Condition("Blocked", "True", "ConsentRequired", "x"),)))
        await desk.enter()
        text = await (await desk.get("/kite/")).text()
        assert [True, False, True] == [f"/login/desk/{name}" in text for name in ("alpha", "bravo", "charlie")]
        assert "needed by 08:45 Indian time" in text
        assert not [secret for secret in SECRETS if secret in text]


async def test_credentials_are_listed_once_a_second_at_most() -> None:
    async with open_desk() as desk:
        await desk.enter()
        for _ in range(5):
            await desk.get("/kite/")
        assert 1 == len([path for _, path in desk.cluster.journal if path == credentials_path("")])


async def test_a_list_that_takes_long_is_reused_for_longer() -> None:
    async with open_desk() as desk:
        await desk.enter()

        def slow(_verb: str, path: str) -> None:
            desk.clock.boot += 2.0 if path == credentials_path("") else 0.0

        desk.cluster.before = slow
        for _ in range(5):
            await desk.get("/kite/")
            desk.clock.boot += 5.0
        assert 2 == len([path for _, path in desk.cluster.journal if path == credentials_path("")])


async def test_a_credential_that_is_not_watched_is_not_shown() -> None:
    async with open_desk(namespaces=("other",)) as desk:
        await desk.enter()
        assert 404 == (await desk.get(PAGE)).status
        assert "alpha" not in await (await desk.get("/kite/")).text()


@pytest.mark.parametrize(
    "path", ["/login/desk/nosuch", "/login/..%2F/alpha", "/login/desk/%3Cscript%3E", "/login/DESK/alpha"]
)
async def test_a_credential_that_does_not_exist_is_not_found(path: str) -> None:
    async with open_desk() as desk:
        await desk.enter()
        answer = await desk.get("/kite" + path)
        assert 404 == answer.status
        assert "<script>" not in await answer.text()


async def test_what_others_have_written_is_escaped() -> None:
    async with open_desk() as desk:
        evil = '"><script>alert(1)</script>'
        status = Status(conditions=(Condition("Ready", "False", "InvalidSpec", evil),))
        desk.put_credential(status=status, redirectURL=f"https://desk.example/{evil}")
        await desk.enter()
        text = await (await desk.get(PAGE)).text()
        assert "<script" not in text
        assert "&lt;script&gt;" in text


async def test_pasting_comes_first_if_the_redirect_url_is_not_the_callback() -> None:
    async with open_desk() as desk:
        await desk.enter()
        assert "<details>" in await (await desk.get(PAGE)).text()
        desk.put_credential(redirectURL="https://127.0.0.1/done")
        text = await (await desk.get(PAGE)).text()
        assert "<details>" not in text
        assert 'target="_blank" rel="noopener"' in text
        assert "https://127.0.0.1/done" in text


async def test_a_credential_that_is_not_refreshed_today_has_no_deadline_on_either_page() -> None:
    async with open_desk(extra_holidays=("2026-03-08",)) as desk:
        desk.put_credential(schedule={"days": "TradingDays"})
        desk.clock.wall = ist("08:00", day=8)
        await desk.enter()
        pages = [await (await desk.get(path)).text() for path in (PAGE, "/kite/")]
        assert [(True, False)] * 2 == [("alpha" in text, "eeded by" in text) for text in pages]
        desk.clock.wall = ist("08:00", day=9)
        await desk.enter()
        assert "Needed by" in await (await desk.get(PAGE)).text()


@pytest.mark.parametrize(
    ("clock_time", "warned"), [("05:59", False), ("06:00", True), ("07:29", True), ("07:30", False)]
)
async def test_a_user_who_logs_in_while_kite_still_ends_sessions_is_warned_before(
    clock_time: str, *, warned: bool
) -> None:
    async with open_desk() as desk:
        desk.clock.wall = ist(clock_time)
        await desk.enter()
        assert warned == ("Kite may end it until 07:30 Indian time" in await (await desk.get(PAGE)).text())


# The start of a login


async def test_a_login_goes_to_kite_with_a_state_and_a_cookie() -> None:
    async with open_desk() as desk:
        await desk.enter()
        answer = await desk.post(PAGE, await desk.mark(PAGE))
        location, cookie = answer.headers["Location"], answer.headers["Set-Cookie"]
        assert location.startswith(
            f"https://kite.zerodha.com/connect/login?v=3&api_key={API_KEY}&redirect_params=state%3D"
        )
        assert cookie.startswith("__Secure-kite-login-")
        for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/kite", "Max-Age=300"):
            assert attribute in cookie
        assert "" == await answer.text()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://desk.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://desk.example.evil.example"},
    ],
)
async def test_a_form_from_elsewhere_starts_nothing(headers: dict[str, str]) -> None:
    async with open_desk() as desk:
        await desk.enter()
        answer = await desk.post(PAGE, await desk.mark(PAGE), headers)
        assert (403, "form-refused") == (answer.status, desk.said[-1])


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://desk.example"}])
async def test_a_form_from_this_site_starts_a_login(headers: dict[str, str]) -> None:
    async with open_desk() as desk:
        await desk.enter()
        assert 303 == (await desk.post(PAGE, await desk.mark(PAGE), headers)).status


@pytest.mark.parametrize("mark", ["", "x" * 43])
async def test_a_form_without_its_mark_starts_nothing(mark: str) -> None:
    async with open_desk() as desk:
        await desk.enter()
        for path in (PAGE, f"{PAGE}/paste", "/kite/leave", "/kite/enter"):
            assert 403 == (await desk.post(path, {"form_token": mark})).status


async def test_the_mark_of_another_browser_starts_nothing() -> None:
    async with open_desk() as desk, open_desk() as other:
        await desk.enter()
        assert 403 == (await desk.post(PAGE, await other.mark())).status


async def test_a_body_that_is_no_form_is_refused() -> None:
    async with open_desk() as desk:
        await desk.enter()
        mark = (await desk.mark())["form_token"]
        for kind, data in (
            ("application/json", b'{"form_token": 1}'),
            ("multipart/form-data; boundary=x", b"--x\r\n"),
            ("application/x-www-form-urlencoded; charset=nosuch", f"form_token={mark}".encode()),
        ):
            headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
            answer = await desk.browser.post(PAGE, data=data, headers=headers, allow_redirects=False)
            assert 403 == answer.status


async def test_a_form_that_is_too_large_is_refused() -> None:
    async with open_desk() as desk:
        assert 413 == (await desk.post("/kite/enter", {"passphrase": "x" * 20_000})).status


@pytest.mark.parametrize("values", [None, {"api_key": API_KEY}, {"api_key": "a b", "api_secret": API_SECRET}])
async def test_a_page_without_usable_keys_of_the_app_names_the_secret(values: dict[str, str] | None) -> None:
    async with open_desk() as desk:
        await desk.enter()
        mark = await desk.mark(PAGE)
        if values is None:
            desk.cluster.objects.pop(secrets_path("desk", "alpha-app"))
        else:
            put_secret(desk.cluster, "desk", "alpha-app", **values)
        answer = await desk.post(PAGE, mark)
        assert (409, "app-unusable") == (answer.status, desk.said[-1])
        assert "&#39;alpha-app&#39;" in await answer.text()
        assert API_KEY not in await answer.text()


async def test_logins_of_one_credential_are_bounded() -> None:
    async with open_desk() as desk:
        await desk.enter()
        mark = await desk.mark(PAGE)
        assert [303] * 10 == [(await desk.post(PAGE, mark)).status for _ in range(10)]
        assert 429 == (await desk.post(PAGE, mark)).status
        desk.clock.boot += 30
        assert 303 == (await desk.post(PAGE, mark)).status


# The callback


async def test_a_login_becomes_a_grant_once_and_leads_to_its_result() -> None:
    async with open_desk() as desk:
        await desk.enter()
        location = await desk.come_back(await desk.state())
        [(name, token)] = desk.grants().items()
        assert TOKEN == token
        assert f"/kite/result/desk/alpha/{name}" == location
        made = desk.cluster.objects[secrets_path("desk", name)]
        assert {"kite-operator.dev/role": "grant", "kite-operator.dev/credential": "alpha"}.items() <= (
            made["metadata"]["labels"].items()
        )
        assert [("KiteCredential", "alpha")] == [(o["kind"], o["name"]) for o in made["metadata"]["ownerReferences"]]


async def test_the_session_need_not_last_until_the_callback() -> None:
    async with open_desk() as desk:
        await desk.enter()
        state = await desk.state()
        await desk.post("/kite/leave", await desk.mark())
        assert "/result/" in await desk.come_back(state)


async def changes_nothing(desk: Setup, state: str, word: str, **query: str) -> None:
    before = dict(desk.cluster.objects)
    assert f"/kite/notice/{word}" == await desk.come_back(state, **query)
    assert word == desk.said[-1]
    assert before == desk.cluster.objects


@pytest.mark.parametrize("state", ["", "x.y", "WyJkZXNrIl0." + "A" * 43])
async def test_a_foreign_state_changes_nothing(state: str) -> None:
    async with open_desk() as desk:
        await desk.enter()
        await desk.start()
        await changes_nothing(desk, state, "foreign")


async def test_an_expired_state_changes_nothing() -> None:
    async with open_desk() as desk:
        await desk.enter()
        state = await desk.state()
        desk.clock.wall += timedelta(minutes=5)
        await changes_nothing(desk, state, "expired")


async def test_the_state_of_another_browser_changes_nothing() -> None:
    async with open_desk() as desk, open_desk() as other:
        await desk.enter()
        await other.enter()
        await desk.start()
        await changes_nothing(desk, await other.state(), "other-browser")


async def test_a_replay_in_the_same_browser_changes_nothing() -> None:
    async with open_desk() as desk:
        await desk.enter()
        state = await desk.state()
        await desk.come_back(state)
        await changes_nothing(desk, state, "other-browser", token="anothertoken0123456789")


async def replayed(desk: Setup, *, lost: bool) -> tuple[str, str]:
    """Send two callbacks with the same state and cookie; with `lost`, the grant is used up between them."""
    await desk.enter()
    state = await desk.state()
    kept = {each.key: each.value for each in desk.browser.session.cookie_jar}
    first = await desk.come_back(state)
    if lost:
        [name] = desk.grants()
        desk.cluster.objects.pop(secrets_path("desk", name))
        desk.put_status(Status(last_login=last_login(name, "Refreshed")))
    desk.browser.session.cookie_jar.update_cookies(kept)
    return first, await desk.come_back(state, token="anothertoken0123456789")


async def test_a_replay_with_its_cookie_is_a_conflict_and_shows_what_became_of_the_first() -> None:
    async with open_desk() as desk:
        first, second = await replayed(desk, lost=False)
        assert first == second
        assert [TOKEN] == list(desk.grants().values())
        assert "replayed" == desk.said[-1]


async def test_a_replay_after_the_grant_was_used_creates_no_other() -> None:
    async with open_desk() as desk:
        first, second = await replayed(desk, lost=True)
        assert first == second
        assert {} == desk.grants()


async def test_a_credential_that_was_recreated_meanwhile_gets_no_grant() -> None:
    async with open_desk() as desk:
        await desk.enter()
        state = await desk.state()
        desk.cluster.objects.pop(credentials_path("desk", "alpha"))
        desk.put_credential()
        assert "/kite/notice/foreign" == await desk.come_back(state)
        assert {} == desk.grants()


async def test_the_notice_of_a_declined_login_names_its_credential() -> None:
    async with open_desk() as desk:
        await desk.enter()
        await desk.start()
        answer = await desk.get("/kite/callback?status=cancelled")
        assert "/kite/notice/declined/desk/alpha" == answer.headers["Location"]
        text = await (await desk.get(answer.headers["Location"])).text()
        assert "You declined the login" in text
        assert PAGE in text
        assert {} == desk.grants()


async def test_an_unknown_declined_login_has_a_notice_too() -> None:
    async with open_desk() as desk:
        answer = await desk.get("/kite/callback?status=cancelled")
        assert "/kite/notice/declined" == answer.headers["Location"]


async def test_a_notice_has_no_link_to_an_invalid_name() -> None:
    async with open_desk() as desk:
        text = await (await desk.get("/kite/notice/declined/..%2F..%2Fevil/x%22y")).text()
        assert "evil" not in text


async def test_a_login_without_a_token_has_a_notice() -> None:
    async with open_desk() as desk:
        assert "/kite/notice/incomplete" == (await desk.get("/kite/callback?status=success")).headers["Location"]


async def test_a_head_request_ends_no_login() -> None:
    async with open_desk() as desk:
        await desk.enter()
        query = {"request_token": TOKEN, "status": "success", "state": await desk.state()}
        assert 405 == (await desk.browser.head("/kite/callback", params=query)).status
        assert {} == desk.grants()


# Pasting


async def paste(desk: Setup, address: str) -> tuple[int, str, str]:
    answer = await desk.post(f"{PAGE}/paste", await desk.mark(PAGE) | {"address": address})
    text = await answer.text()
    assert not [secret for secret in SECRETS if secret in text]
    return answer.status, str(answer.headers.get("Location", "")), text


async def test_a_pasted_address_becomes_a_grant() -> None:
    async with open_desk() as desk:
        await desk.enter()
        status, location, _ = await paste(desk, f"{REDIRECT}?request_token={TOKEN}&status=success")
        [name] = desk.grants()
        assert (303, f"/kite/result/desk/alpha/{name}") == (status, location)


async def test_an_address_that_is_pasted_twice_changes_nothing_the_second_time() -> None:
    async with open_desk() as desk:
        await desk.enter()
        first = await paste(desk, f"{REDIRECT}?request_token={TOKEN}")
        assert first == await paste(desk, f"{REDIRECT}?request_token={TOKEN}")
        assert ["handed-over", "replayed"] == desk.said[-2:]
        assert 1 == len(desk.grants())


async def test_pasting_and_the_callback_of_one_login_give_the_same_grant() -> None:
    async with open_desk() as desk:
        await desk.enter()
        state = await desk.state()
        kept = {each.key: each.value for each in desk.browser.session.cookie_jar}
        _, location, _ = await paste(desk, f"{REDIRECT}?request_token={TOKEN}&state={state}")
        desk.browser.session.cookie_jar.update_cookies(kept)
        assert location == await desk.come_back(state)
        assert 1 == len(desk.grants())


async def test_a_login_that_was_pasted_leaves_no_cookie_behind() -> None:
    async with open_desk() as desk:
        await desk.enter()
        before = {each.key for each in desk.browser.session.cookie_jar}
        state = await desk.state()
        assert 1 == len({each.key for each in desk.browser.session.cookie_jar} - before)
        await paste(desk, f"{REDIRECT}?request_token={TOKEN}&state={state}")
        assert before == {each.key for each in desk.browser.session.cookie_jar}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (TOKEN, "That is not a whole address"),
        (f"https://evil.example/callback?request_token={TOKEN}", "That is not the app"),
        (f"{REDIRECT}?status=cancelled", "Kite says that the login was cancelled"),
        (REDIRECT, "has no request_token"),
        (f"{REDIRECT}?request_token={TOKEN}&state=x.y", "That address is from another login"),
    ],
)
async def test_an_unusable_address_is_explained_and_changes_nothing(address: str, expected: str) -> None:
    async with open_desk() as desk:
        await desk.enter()
        status, _, text = await paste(desk, address)
        assert 422 == status
        assert expected in text
        assert {} == desk.grants()


async def test_the_state_of_another_credential_cannot_be_pasted() -> None:
    async with open_desk() as desk:
        desk.put_credential("bravo", appSecretRef={"name": "alpha-app"})
        await desk.enter()
        other = (await desk.start("/kite/login/desk/bravo")).rpartition("%3D")[2]
        status, _, text = await paste(desk, f"{REDIRECT}?request_token={TOKEN}&state={other}")
        assert 422 == status
        assert "That address is from another login" in text
        assert {} == desk.grants()


# The result


async def test_the_result_waits_for_the_status_that_the_operator_writes() -> None:
    async with open_desk() as desk:
        await desk.enter()
        location = await desk.come_back(await desk.state())
        text = await (await desk.get(location)).text()
        assert "Logging in…" in text
        assert f'http-equiv="refresh" content="1;url={location}?look=1"' in text
        [name] = desk.grants()
        desk.put_status(Status(last_login=last_login(name, "WrongAccount")))
        settled = await (await desk.get(f"{location}?look=1")).text()
        assert "That was another account" in settled
        assert "http-equiv" not in settled
        assert TOKEN not in text + settled


async def test_a_result_page_does_not_reload_for_ever() -> None:
    async with open_desk() as desk:
        await desk.enter()
        location = await desk.come_back(await desk.state())
        assert "http-equiv" not in await (await desk.get(f"{location}?look=60")).text()


async def test_a_grant_that_is_gone_before_its_outcome_is_written_is_not_shown_as_a_success() -> None:
    async with open_desk() as desk:
        await desk.enter()
        location = await desk.come_back(await desk.state())
        [name] = desk.grants()
        desk.cluster.objects.pop(secrets_path("desk", name))
        desk.put_status(Status(conditions=(Condition("Ready", "True", "SessionActive", ""),)))
        assert "Logging in…" in await (await desk.get(location)).text()
        assert "You are logged in" in await (await desk.get(f"{location}?look=1")).text()


async def test_a_grant_without_an_outcome_is_shown_as_lost() -> None:
    async with open_desk() as desk:
        await desk.enter()
        location = await desk.come_back(await desk.state())
        [name] = desk.grants()
        desk.cluster.objects.pop(secrets_path("desk", name))
        assert "No answer" in await (await desk.get(f"{location}?look=8")).text()


@pytest.mark.parametrize("name", ["alpha-app", "alpha-kite-token", "alpha-login-short", "bravo-login-" + "0" * 32])
async def test_a_result_page_reads_no_secret_but_a_grant(name: str) -> None:
    async with open_desk() as desk:
        await desk.enter()
        desk.cluster.journal.clear()
        assert 404 == (await desk.get(f"/kite/result/desk/alpha/{name}")).status
        assert [] == [path for _, path in desk.cluster.journal if path.endswith(name)]


# Rules for every answer


async def everything(desk: Setup) -> list[tuple[str, str]]:
    """Return the text and the headers of every kind of answer, a whole login included."""
    answers = [await desk.get(path) for path in ("/kite/", PAGE, "/kite/nosuch", "/nosuch", "/kite/style.css")]
    answers += [await desk.enter("wrong"), await desk.enter(), await desk.get("/kite/"), await desk.get(PAGE)]
    begun = await desk.post(PAGE, await desk.mark(PAGE))
    state = begun.headers["Location"].rpartition("%3D")[2]
    query = f"request_token={TOKEN}&status=success"
    for back in (f"{query}&state={state}", f"{query}&state=x.y", query, "status=cancelled"):
        answers.append(await desk.get(f"/kite/callback?{back}"))
        answers.append(await desk.get(answers[-1].headers["Location"]))
    answers.append(await desk.post(f"{PAGE}/paste", await desk.mark(PAGE) | {"address": f"https://x.example/?{query}"}))
    return [(await each.text(), str(each.headers)) for each in answers]


async def test_no_secret_is_in_any_answer_or_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_desk() as desk:
        shown = await everything(desk)
        logged = caplog.text
    for text, headers in shown:
        assert not [secret for secret in SECRETS if secret in text + headers]
    assert not [secret for secret in SECRETS if secret in logged]
    assert "login page event credential=desk/alpha outcome=handed-over" in logged


async def test_every_answer_has_the_headers() -> None:
    async with open_desk() as desk:
        for _, headers in await everything(desk):
            for each in ("'X-Content-Type-Options': 'nosniff'", "frame-ancestors 'none'", "default-src 'none'"):
                assert each in headers
            assert "no-store" in headers or "text/css" in headers
            assert "aiohttp" not in headers.lower()


async def test_only_pages_with_forms_send_a_referrer_to_this_site() -> None:
    async with open_desk() as desk:
        await desk.enter()
        assert "same-origin" == (await desk.get(PAGE)).headers["Referrer-Policy"]
        for path in (
            "/kite/callback?status=cancelled",
            "/kite/notice/declined",
            "/kite/nosuch",
            "/kite/result/desk/alpha/x",
        ):
            assert "no-referrer" == (await desk.get(path)).headers["Referrer-Policy"]


async def test_a_form_leads_to_kite_and_back_and_nowhere_else() -> None:
    async with open_desk() as desk:
        desk.put_credential(redirectURL="https://127.0.0.1:5000/done")
        await desk.enter()
        policy = (await desk.get(PAGE)).headers["Content-Security-Policy"]
        assert policy.endswith(
            "form-action 'self' https://kite.zerodha.com https://kite.trade https://*.kite.trade https://127.0.0.1:5000"
        )


async def test_an_unreachable_api_server_is_reported_without_details(caplog: pytest.LogCaptureFixture) -> None:
    def away(_verb: str, _path: str) -> None:
        raise ClusterUnavailable("GET /something", status=0)

    async with open_desk() as desk:
        desk.cluster.before = away
        answer = await desk.get("/kite/")
        assert 503 == answer.status
        assert "/something" not in await answer.text()
    assert "login page not answered" in caplog.text


async def test_an_internal_error_is_logged_by_its_type_only(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_verb: str, _path: str) -> None:
        raise LookupError(TOKEN)

    async with open_desk() as desk:
        desk.cluster.before = broken
        answer = await desk.get("/kite/")
        assert 500 == answer.status
        assert TOKEN not in await answer.text()
    assert "login page failed error=LookupError" in caplog.text
    assert TOKEN not in caplog.text


async def test_the_public_address_needs_no_last_slash() -> None:
    async with open_desk() as desk:
        assert "/kite/" == (await desk.get("/kite")).headers["Location"]


async def test_a_public_address_without_a_path_serves_the_root_with_the_strictest_cookies() -> None:
    async with open_desk(login_public_url="https://desk.example") as desk:
        answer = await desk.get("/")
        assert "__Host-kite-form=" in answer.headers["Set-Cookie"]
        assert "Path=/;" in answer.headers["Set-Cookie"]


def test_the_client_of_these_tests_is_aiohttps_own() -> None:
    assert "aiohttp" in TestClient.__module__
