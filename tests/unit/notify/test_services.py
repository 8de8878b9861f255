"""A URL is used only if its scheme, its options and its real destination are allowed."""

import logging

import pytest

from kite_operator.allow_list import parse_allow_list
from kite_operator.model.sensitive import Sensitive
from kite_operator.notify.services import CONNECT_SECONDS, KINDS, READ_SECONDS, Service, UrlRefused, open_service

EVERYTHING = parse_allow_list(
    "slack://,tgram://,discord://,gchat://,pover://,pagerduty://,https://hooks.example.com,http://hooks.example.com,"
    "https://*.logic.azure.com,mailtos://smtp.example.com,mailtos://smtp.gmail.com,mailto://smtp.example.com"
)
TOKEN = "abcdefghijklmnopqrstuvwx"
SLACK = f"slack://TABCDEFGH/BABCDEFGH/{TOKEN}"
GOOD = {
    "Slack": SLACK,
    "Slack, to a channel": f"{SLACK}/#desk",
    "Slack, as it is copied": f"https://hooks.slack.com/services/TABCDEFGH/BABCDEFGH/{TOKEN}",
    "a Slack bot": "slack://xoxb-1234567890-1234567890-4ddbc191d40ee098cbaae6f3523ada2d/#desk",
    "Telegram": f"tgram://123456789:{TOKEN}/12315544",
    "Telegram, a topic": f"tgram://123456789:{TOKEN}/-100123?topic=7",
    "Discord": f"discord://123456/{TOKEN}",
    "Discord, as it is copied": f"https://discord.com/api/webhooks/123456/{TOKEN}",
    "Google Chat": f"https://chat.googleapis.com/v1/spaces/AAAA/messages?key=KKKK&token={TOKEN}",
    "Teams": "https://prod-03.westus.logic.azure.com:443/workflows/0123456789abcdef0123456789abcdef/triggers/manual/"
    f"paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={TOKEN}{TOKEN}",
    "Pushover": "pover://uabcdefghijklmnopqrstuvwxyz012@aabcdefghijklmnopqrstuvwxyz012",
    "PagerDuty": f"pagerduty://{TOKEN}@{TOKEN}",
    "a webhook": "https://hooks.example.com/kite",
    "a webhook with a query": f"https://hooks.example.com/kite?token={TOKEN}&x=1",
    "a webhook with a password": f"https://me:{TOKEN}@hooks.example.com/kite",
    "a webhook with a header": f"jsons://hooks.example.com/kite?+Authorization=Bearer%20{TOKEN}&:desk=alpha",
    "a form": "forms://hooks.example.com/kite",
    "a webhook without encryption": "http://hooks.example.com/kite",
    "e-mail": f"mailtos://me:{TOKEN}@example.com?smtp=smtp.example.com&to=desk@example.com",
    "e-mail of a known provider": f"mailtos://me:{TOKEN}@gmail.com?to=desk@example.com",
    "e-mail without encryption": "mailto://smtp.example.com?from=kite@example.com&to=desk@example.com",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_service_is_made_without_a_request_and_shows_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        service = open_service(Sensitive(GOOD[name]), EVERYTHING)
    assert TOKEN not in f"{service!r}{service}{caplog.text}"


@pytest.mark.parametrize("name", GOOD)
def test_whatever_the_url_its_waits_are_bounded_and_nothing_leads_it_elsewhere(name: str) -> None:
    plugin = open_service(Sensitive(GOOD[name]), EVERYTHING)._plugin
    assert (True, False) == (plugin.verify_certificate, plugin.redirects)
    assert (CONNECT_SECONDS, READ_SECONDS) == (plugin.socket_connect_timeout, plugin.socket_read_timeout)


@pytest.mark.parametrize("name", GOOD)
def test_an_empty_allow_list_allows_no_service(name: str) -> None:
    with pytest.raises(UrlRefused, match="goes where the operator may not send to"):
        open_service(Sensitive(GOOD[name]), parse_allow_list("none"))


ELSEWHERE = {
    "a host that is not named": "jsons://evil.example/",
    "the API server": "https://kubernetes.default.svc/api/v1/secrets",
    "the cloud's metadata": "http://169.254.169.254/latest/meta-data",
    "loopback by another spelling": "json://0x7f000001/",
    "loopback, IPv6": "json://[::1]/",
    "a user that looks like the host": "https://hooks.example.com@evil.example/",
    "an escaped user": "jsons://hooks.example.com%2f@evil.example/",
    "another port": "https://hooks.example.com:6443/",
    "no encryption where it is asked for": "mailto://smtp.gmail.com?from=a@example.com&to=b@example.com",
    "a mail server behind a host that is named": "mailtos://me:pw@smtp.example.com?smtp=evil.example&to=a@example.com",
    "a mail server that a provider's name brings": "mailtos://me:pw@yahoo.com?to=a@example.com",
    "a workflow elsewhere": f"workflows://evil.example:443/0123456789abcdef/{TOKEN}{TOKEN}/",
    "a host that ends in an escape": "jsons://evil.example%23.logic.azure.com/",
}
OPTIONS = {
    "a template from a file": f"{SLACK}?template=/etc/passwd",
    "the same in a copied address": f"https://hooks.slack.com/services/TABCDEFGH/BABCDEFGH/{TOKEN}?template=file:///etc/passwd",
    "a template of a workflow": f"workflows://a.logic.azure.com:443/0123/{TOKEN}{TOKEN}/?template=/etc/passwd",
    "a key from a file": "mailtos://me:pw@example.com?smtp=smtp.example.com&pgpprv=/etc/passwd",
    "keys from the recipient's host": "mailtos://me:pw@example.com?smtp=smtp.example.com&wkd=yes&to=a@evil.example",
    "redirects": "jsons://hooks.example.com/?redirect=yes",
    "no verification": "jsons://hooks.example.com/?verify=no",
    "long waits": "jsons://hooks.example.com/?rto=9999",
    "tries of its own": "jsons://hooks.example.com/?retry=9",
    "a port of its own": "jsons://hooks.example.com/?port=6443",
    "another method": "jsons://hooks.example.com/?method=DELETE",
    "storage": "jsons://hooks.example.com/?store=yes",
    "headers of a mail": "mailtos://me:pw@example.com?smtp=smtp.example.com&+Bcc=a@evil.example",
    "another virtual host": "jsons://hooks.example.com/?+Host=internal.example",
    "the same in other letters": "jsons://hooks.example.com/?%2BhOST%20=internal.example",
}
UNKNOWN = {
    "a program": "syslog://",
    "a bus": "dbus://",
    "a desktop": "macosx://",
    "Windows": "windows://",
    "a file": "file:///etc/passwd",
    "another file of URLs": "include:///etc/apprise.yml",
    "a configuration server": "apprise://hooks.example.com/token",
    "XML": "xmls://hooks.example.com/",
    "no scheme": f"hooks.example.com/{TOKEN}",
    "a token alone": f"xoxb-{TOKEN}",
    "an empty host": "https://",
    "half a service": "slack://TABCDEFGH",
    "a template of names": "slack://{TOKEN}/{B}/{C}",
}
REFUSED = ELSEWHERE | OPTIONS | UNKNOWN


@pytest.mark.parametrize("name", REFUSED)
def test_the_reason_of_a_refusal_shows_nothing_of_the_url(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UrlRefused) as refused:
        open_service(Sensitive(REFUSED[name]), EVERYTHING)
    assert "" == caplog.text
    shown = f"{refused.value}{refused.value.__context__}{refused.value.__cause__}"
    for part in ("evil", "169.254", "passwd", "internal", "svc", TOKEN, "TABCDEFGH", "hooks.example.com"):
        assert part not in shown


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_destination_that_is_not_allowed_is_refused_as_such(name: str) -> None:
    with pytest.raises(UrlRefused, match=r"goes where the operator may not send to|not a URL|not a complete URL"):
        open_service(Sensitive(ELSEWHERE[name]), EVERYTHING)


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_is_not_in_the_table_is_refused_as_such(name: str) -> None:
    with pytest.raises(UrlRefused, match=r"option that is not allowed|header that is not a user's"):
        open_service(Sensitive(OPTIONS[name]), EVERYTHING)


def test_the_table_has_no_scheme_for_a_program_or_a_file() -> None:
    assert {"slack", "tgram", "discord", "gchat", "pover", "pagerduty", "workflow", "workflows"} | {
        f"{name}{s}" for name in ("mailto", "json", "form") for s in ("", "s")
    } == KINDS.keys()


def test_a_service_is_not_copied_into_text() -> None:
    service = open_service(Sensitive(SLACK), EVERYTHING)
    assert isinstance(service, Service)
    assert "Service(***)" == repr(service) == f"{service}"
