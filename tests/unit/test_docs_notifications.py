"""docs/notifications.md says when reminders come, where they may go and what a line looks like, as the code has it."""

import base64
import re
from datetime import timedelta

import pytest
import yaml

from kite_operator.allow_list import NOTHING, PORTS, SERVICES, parse_allow_list
from kite_operator.decide.reminder import EARLY, LATEST
from kite_operator.model.notify_urls import MOST_URLS, parse_notify_secret
from kite_operator.model.resource import ReminderMark
from kite_operator.model.sensitive import Sensitive
from kite_operator.notify.notifier import RETRY_AFTER
from kite_operator.notify.services import KINDS, READ_SECONDS, UrlRefused, open_service
from kite_operator.settings import Settings
from support.documents import blocks, codes, page, rows, section

PAGE = page("docs/notifications.md")
EXAMPLES = {row[0]: codes(row[1])[0] for row in rows(section(PAGE, "Examples"))[1:] if codes(row[1])}
FILLED = {
    "<bot token>": "123456789:abcdefghijklmnopqrstuvwx",
    "<chat ID>": "12315544",
    "<ID>": "123456",
    "<token>": "abcdefghijklmnopqrstuvwx",
    "<user key>": "uabcdefghijklmnopqrstuvwxyz012",
    "<app token>": "aabcdefghijklmnopqrstuvwxyz012",
    "<integration key>": "abcdefghijklmnopqrstuvwx",
    "<api key>": "abcdefghijklmnopqrstuvwx",
    "<user>": "me",
    "<password>": "made-up",
    "services/T…/B…/…": "services/TABCDEFGH/BABCDEFGH/abcdefghijklmnopqrstuvwx",
    "xoxb-…": "xoxb-1234567890-1234567890-4ddbc191d40ee098cbaae6f3523ada2d",
    "…": "AAAA",
}


def _filled(example: str) -> str:
    for place, value in FILLED.items():
        example = example.replace(place, value)
    return example


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_used_as_it_stands(name: str) -> None:
    allowed = parse_allow_list(
        ",".join(
            [*(f"{service}://" for service in SERVICES), "https://hooks.example.com", "mailtos://smtp.example.com"]
        )
    )
    open_service(Sensitive(_filled(EXAMPLES[name])), allowed)


def test_the_examples_show_every_service_and_kind_that_is_known() -> None:
    shown = " ".join(EXAMPLES.values())
    native = {"discord": "discord.com", "gchat": "chat.googleapis.com"}
    for service in SERVICES:
        assert f"{service}://" in shown or native[service] in shown
    for kind in ("jsons", "forms", "mailtos", "https"):
        assert f"{kind}://" in shown
    assert {"json", "jsons", "form", "forms", "mailto", "mailtos", "workflow", "workflows", *SERVICES} == KINDS.keys()


def test_the_secret_of_the_example_is_read_and_its_credential_names_it() -> None:
    secret, credential = yaml.safe_load_all(blocks(PAGE, "yaml")[0])
    read = parse_notify_secret({"urls": base64.b64encode(secret["stringData"]["urls"].encode()).decode()})
    assert (2, ()) == (len(read.lines), read.problems)
    assert secret["metadata"]["name"] == credential["spec"]["notifySecretRef"]["name"]
    for line in read.lines:
        # Its tokens are visibly made up, so that no service's plugin takes them; the scheme is known all the same.
        with pytest.raises(UrlRefused, match=r"complete URL|goes where"):
            open_service(line.url, ())


def test_every_entry_that_can_be_allowed_is_in_the_table() -> None:
    entries = [entry for row in rows(section(PAGE, "What is allowed"))[1:] for entry in codes(row[0])]
    for entry in entries:
        parse_allow_list(entry)
    schemes = {entry.partition("://")[0] for entry in entries}
    assert {*SERVICES, *PORTS, NOTHING} == schemes
    default = ",".join(f"{service}://" for service in SERVICES)
    assert parse_allow_list(default) == Settings.__dataclass_fields__["notify_allow"].default


def test_the_ports_that_are_meant_are_named() -> None:
    table: dict[str, str] = {}
    for row in rows(section(PAGE, "What is allowed"))[1:]:
        table.setdefault(codes(row[0])[0].partition("://")[0], row[1])
    for scheme, ports in PORTS.items():
        for port in ports:
            assert re.search(rf"\b{port}\b", table[scheme]), scheme


def test_the_marks_and_how_late_they_are_told_are_those_of_the_code() -> None:
    marks = {codes(row[0])[0] for row in rows(section(PAGE, "When reminders come"))[1:]}
    assert {mark.value for mark in ReminderMark} == marks
    assert (timedelta(minutes=30), timedelta(hours=6)) == (EARLY, LATEST)
    assert "30 minutes before `readyBy`" in PAGE
    assert "for six hours" in PAGE


def test_the_tries_and_bounds_are_those_of_the_code() -> None:
    assert [30, 120, 300] == [pause.total_seconds() for pause in RETRY_AFTER]
    assert "30 seconds, 2 minutes and 5 minutes" in PAGE
    assert (8, 10) == (MOST_URLS, READ_SECONDS)
    assert "later than ten seconds" in PAGE
    assert "eight at most" in page("docs/reference.md")
