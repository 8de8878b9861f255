"""A service's request, caught before it leaves: it goes to a host that no URL can change, or to the allowed one."""

import json
from typing import Any

import pytest
import requests

from kite_operator.allow_list import parse_allow_list
from kite_operator.model.sensitive import Sensitive
from kite_operator.notify.services import open_service

ALLOWED = parse_allow_list(
    "slack://,tgram://,discord://,gchat://,pover://,pagerduty://,https://hooks.example.com,https://*.logic.azure.com"
)
TOKEN = "abcdefghijklmnopqrstuvwx"
TITLE, BODY = "Kite: desk/alpha needs you", "AB1234: Somebody has to log in."
HOSTS = {
    f"slack://TABCDEFGH/BABCDEFGH/{TOKEN}/#desk": "hooks.slack.com",
    f"https://hooks.slack.com/services/TABCDEFGH/BABCDEFGH/{TOKEN}": "hooks.slack.com",
    "slack://xoxb-1234567890-1234567890-4ddbc191d40ee098cbaae6f3523ada2d/#desk": "slack.com",
    f"tgram://123456789:{TOKEN}/12315544": "api.telegram.org",
    f"tgram://123456789:{TOKEN}/": "api.telegram.org",
    f"discord://123456/{TOKEN}": "discord.com",
    f"discord://evil.example/{TOKEN}": "discord.com",
    f"gchat://evil.example/{TOKEN}/{TOKEN}": "chat.googleapis.com",
    f"https://chat.googleapis.com/v1/spaces/AAAA/messages?key=K&token={TOKEN}": "chat.googleapis.com",
    "pover://uabcdefghijklmnopqrstuvwxyz012@aabcdefghijklmnopqrstuvwxyz012": "api.pushover.net",
    f"pagerduty://{TOKEN}@{TOKEN}": "events.pagerduty.com",
    f"pagerduty://{TOKEN}@{TOKEN}?region=eu": "events.eu.pagerduty.com",
    "https://hooks.example.com/kite": "hooks.example.com",
    "forms://hooks.example.com/kite": "hooks.example.com",
    f"workflows://a.logic.azure.com:443/0123456789abcdef/{TOKEN}{TOKEN}/": "a.logic.azure.com",
}


class Caught:
    """A replacement for the sending of `requests`: it records the requests and their options."""

    def __init__(self) -> None:
        self.sent: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []

    def __call__(self, _session: object, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        self.sent.append((request, how))
        answer = requests.Response()
        answer.status_code = 200
        answer.request = request
        answer.url = str(request.url)
        result = [{"message": {"from": {"id": 1, "is_bot": False}, "chat": {"id": 1}}}]
        content = {"ok": True, "channel": {"id": "C1"}, "channels": [], "result": result}
        answer._content = json.dumps(content).encode()
        return answer


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Caught:
    stand_in = Caught()

    def send(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        return stand_in(session, request, **how)

    monkeypatch.setattr(requests.Session, "send", send)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return stand_in


def _host(request: requests.PreparedRequest) -> str:
    return str(request.url).partition("://")[2].partition("/")[0].partition(":")[0]


@pytest.mark.parametrize("url", HOSTS)
def test_every_request_goes_encrypted_to_the_expected_host_and_to_no_other(url: str, caught: Caught) -> None:
    open_service(Sensitive(url), ALLOWED).send(TITLE, BODY)
    assert caught.sent
    for request, how in caught.sent:
        assert str(request.url).startswith("https://")
        assert HOSTS[url] == _host(request)
        assert how["verify"], "the certificate is verified, by the bundle of the environment where there is one"
        assert how["allow_redirects"] is False
        assert how["timeout"]


@pytest.mark.parametrize("url", HOSTS)
def test_the_request_contains_the_message(url: str, caught: Caught) -> None:
    open_service(Sensitive(url), ALLOWED).send(TITLE, BODY)
    body = caught.sent[-1][0].body
    text = body.decode() if isinstance(body, bytes) else str(body)
    assert "Somebody" in text
    assert "log in" in text or "log+in" in text
