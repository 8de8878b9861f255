"""The addresses of the login page."""

from kite_operator.model.links import callback_url, login_link
from kite_operator.model.resource import Key

KEY = Key("desk", "alpha")


def test_a_credential_has_a_login_page_of_its_own() -> None:
    assert "https://desk.example/kite/login/desk/alpha" == login_link("https://desk.example/kite", KEY)


def test_without_a_login_page_there_is_no_link() -> None:
    assert "" == login_link("", KEY)


def test_a_name_cannot_lead_elsewhere() -> None:
    assert "https://desk.example/login/a%2Fb/%3Fx%23" == login_link("https://desk.example", Key("a/b", "?x#"))


def test_the_broker_redirects_to_the_callback() -> None:
    assert "https://desk.example/callback" == callback_url("https://desk.example")
