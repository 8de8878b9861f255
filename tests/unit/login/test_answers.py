"""Kite's redirect is parsed in any order of its parameters, each once, and only as far as needed."""

import pytest

from kite_operator.login.answers import Answer, Flaw, read_pasted, read_query
from kite_operator.model.sensitive import Sensitive

TOKEN = "requesttoken0123456789abcdefghij"
REDIRECT = "https://desk.example/kite/callback"
ANSWER = Answer(Sensitive(TOKEN), "st.ate")


@pytest.mark.parametrize(
    "query",
    [
        {"request_token": [TOKEN], "action": ["login"], "status": ["success"], "state": ["st.ate"]},
        {"state": ["st.ate"], "status": ["success"], "type": ["login"], "request_token": [TOKEN]},
        {"state": ["st.ate"], "request_token": [TOKEN]},
    ],
)
def test_a_completed_login_is_read_in_any_order_of_parameters(query: dict[str, list[str]]) -> None:
    assert ANSWER == read_query(query)


@pytest.mark.parametrize(
    "query", [{"status": ["cancelled"]}, {"status": ["success", "cancelled"], "request_token": [TOKEN]}]
)
def test_a_declined_login_is_recognised(query: dict[str, list[str]]) -> None:
    assert Flaw.DECLINED is read_query(query)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": ["success"]},
        {"status": ["failed"], "request_token": [TOKEN]},
        {"status": ["success", "success"], "request_token": [TOKEN]},
        {"status": ["success"], "request_token": [TOKEN, TOKEN]},
        {"status": ["success"], "request_token": ["short"]},
        {"status": ["success"], "request_token": [f"{TOKEN}<script>"]},
        {"status": ["success"], "request_token": ["x" * 129]},
    ],
)
def test_anything_else_is_no_login(query: dict[str, list[str]]) -> None:
    assert Flaw.INCOMPLETE is read_query(query)


def test_two_states_are_none() -> None:
    assert Answer(Sensitive(TOKEN), "") == read_query({"request_token": [TOKEN], "state": ["a", "b"]})


@pytest.mark.parametrize(
    "text",
    [
        f"{REDIRECT}?request_token={TOKEN}&action=login&status=success&state=st.ate",
        f"  {REDIRECT}?state=st.ate&request_token={TOKEN}#fragment\n",
        f"desk.example/kite/callback?status=success&state=st.ate&request_token={TOKEN}",
        f"HTTPS://Desk.Example:443/kite/callback?request_token={TOKEN}&state=st.ate",
    ],
)
def test_a_pasted_address_is_read(text: str) -> None:
    assert ANSWER == read_pasted(text, REDIRECT)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/kite/callback",
        "https://desk.example/other",
        "http://desk.example/kite/callback",
        "https://desk.example:8443/kite/callback",
        "https://kite.zerodha.com/connect/finish",
    ],
)
def test_an_address_that_is_not_the_redirect_url_is_refused(address: str) -> None:
    assert Flaw.OTHER_ADDRESS is read_pasted(f"{address}?request_token={TOKEN}&status=success", REDIRECT)


@pytest.mark.parametrize(
    "text", ["", "  ", TOKEN, f"a b {REDIRECT}", "https://[x", "x" * 5000, "https://desk.example:p/"]
)
def test_a_text_that_is_no_address_is_refused_as_such(text: str) -> None:
    assert Flaw.NOT_AN_ADDRESS is read_pasted(text, REDIRECT)


@pytest.mark.parametrize(
    ("query", "flaw"), [("status=cancelled", Flaw.DECLINED), ("status=success", Flaw.INCOMPLETE), ("", Flaw.INCOMPLETE)]
)
def test_a_pasted_address_without_a_login_is_refused(query: str, flaw: Flaw) -> None:
    assert flaw is read_pasted(f"{REDIRECT}?{query}", REDIRECT)


def test_a_redirect_url_on_this_machine_can_be_pasted_too() -> None:
    local = "http://localhost:5000/callback"
    assert ANSWER == read_pasted(f"localhost:5000/callback?request_token={TOKEN}&state=st.ate", local)


def test_an_answer_does_not_show_its_token() -> None:
    assert TOKEN not in repr(ANSWER)
