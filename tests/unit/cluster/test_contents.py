"""Contents of a derived Secret in each format, and the session that is read back from them."""

import base64
import json
import shlex
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.cluster.contents import FILE_KEY, JSON_KEY, contents, parse_claim, parse_contents
from kite_operator.model.expiry import IST
from kite_operator.model.resource import FORMATS
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from support.facts import ACCESS_TOKEN, API_KEY, CLIENT_ID, ist, session

LOGIN = ist("07:40").astimezone(IST)
SESSION = session(LOGIN)
MIXES = [mix for size in range(1, 5) for mix in combinations(FORMATS, size)]


def decoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def encoded(**texts: str) -> dict[str, str]:
    return {key.replace("__", "."): base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def test_keys_are_one_for_each_value() -> None:
    assert {
        "api_key": API_KEY,
        "access_token": ACCESS_TOKEN,
        "user_id": CLIENT_ID,
        "expires_at": "2026-03-03T06:00:00+05:30",
    } == decoded(contents(SESSION, ("keys",)))


def test_env_is_what_an_environment_needs_and_no_more() -> None:
    assert {"KITE_API_KEY": API_KEY, "KITE_ACCESS_TOKEN": ACCESS_TOKEN} == decoded(contents(SESSION, ("env",)))


def test_the_file_has_plain_lines_for_plain_values() -> None:
    expected = (
        f"KITE_API_KEY={API_KEY}\nKITE_ACCESS_TOKEN={ACCESS_TOKEN}\n"
        f"KITE_USER_ID={CLIENT_ID}\nKITE_EXPIRES_AT=2026-03-03T06:00:00+05:30\n"
    )
    assert {FILE_KEY: expected} == decoded(contents(SESSION, ("file",)))


def test_json_is_an_object_of_the_four_values() -> None:
    held = decoded(contents(SESSION, ("json",)))
    assert {JSON_KEY} == set(held)
    assert decoded(contents(SESSION, ("keys",))) == json.loads(held[JSON_KEY])


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_a_mix_holds_each_of_its_formats(mix: tuple[str, ...]) -> None:
    apart = [contents(SESSION, (name,)) for name in mix]
    assert {key: value for each in apart for key, value in each.items()} == contents(SESSION, mix)


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_every_format_that_names_the_client_is_read_back(mix: tuple[str, ...]) -> None:
    expected = None if mix == ("env",) else SESSION
    assert expected == parse_contents(contents(SESSION, mix), LOGIN)


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(["keys", "file", "json"]))
def test_no_value_breaks_out_of_its_place(api_key: str, token: str, form: str) -> None:
    try:
        f"{api_key}{token}".encode()
    except UnicodeEncodeError:
        return
    odd = Session(CLIENT_ID, Sensitive(api_key), Sensitive(token), LOGIN)
    assert odd == parse_contents(contents(odd, (form,)), LOGIN)


@given(st.text(alphabet="ab'\"$`\\;\n #=", min_size=1))
def test_the_file_is_one_assignment_a_variable_for_a_shell(token: str) -> None:
    odd = Session(CLIENT_ID, Sensitive(API_KEY), Sensitive(token), LOGIN)
    words = shlex.split(decoded(contents(odd, ("file",)))[FILE_KEY])
    assert [f"KITE_API_KEY={API_KEY}", f"KITE_ACCESS_TOKEN={token}"] == words[:2]
    assert len(words) == 4


@pytest.mark.parametrize(
    "broken",
    [
        {},
        encoded(api_key=API_KEY, access_token=ACCESS_TOKEN),
        encoded(api_key=API_KEY, access_token="", user_id=CLIENT_ID),
        {**contents(SESSION, ("keys",)), "access_token": "%%%"},
        {**contents(SESSION, ("keys",)), "access_token": base64.b64encode(b"\xff").decode()},
        encoded(kite__env="KITE_API_KEY='unended"),
        encoded(kite__env="export"),
        encoded(token__json="{"),
        encoded(token__json="[1]"),
        encoded(token__json="[" * 10_000),
        encoded(token__json=" " * 20_000 + decoded(contents(SESSION, ("json",)))[JSON_KEY]),
        encoded(kite__env="#" * 20_000 + "\n" + decoded(contents(SESSION, ("file",)))[FILE_KEY]),
        encoded(token__json='{"api_key": 1, "access_token": null, "user_id": ["a"]}'),
    ],
)
def test_incomplete_data_is_no_session(broken: dict[str, str]) -> None:
    assert parse_contents(broken, LOGIN) is None


def test_a_broken_format_does_not_hide_a_complete_one() -> None:
    data = contents(SESSION, ("keys", "file", "json"))
    for key in ("access_token", FILE_KEY):
        data[key] = "%%%"
    assert SESSION == parse_contents(data, LOGIN)


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_the_claim_of_any_format_is_read(mix: tuple[str, ...]) -> None:
    assert (ACCESS_TOKEN, API_KEY) == parse_claim(contents(SESSION, mix))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"access_token": f"{ACCESS_TOKEN}\n"}, (ACCESS_TOKEN, "")),
        ({"KITE_ACCESS_TOKEN": f" {ACCESS_TOKEN}\n", "KITE_API_KEY": f"{API_KEY}\n"}, (ACCESS_TOKEN, API_KEY)),
        ({"token__json": json.dumps({"access_token": ACCESS_TOKEN})}, (ACCESS_TOKEN, "")),
        ({"access_token": "\n", "KITE_ACCESS_TOKEN": ACCESS_TOKEN}, (ACCESS_TOKEN, "")),
        ({"api_key": API_KEY}, None),
        ({}, None),
    ],
)
def test_a_claim_needs_a_token_and_nothing_else(texts: dict[str, str], expected: tuple[str, str] | None) -> None:
    assert expected == parse_claim(encoded(**texts))


def test_data_that_is_no_base64_claims_nothing() -> None:
    assert parse_claim({"access_token": "%%%", "KITE_ACCESS_TOKEN": "%%%", "kite.env": "%%%"}) is None
