"""A person at the sandbox's pages: reads the one form of a page by its labels and buttons, and runs no script."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import requests

from support.sandbox import Sandbox
from support.sandbox_browser import Browser
from support.sandbox_values import SandboxAccount, SandboxApp

_MOST_HOPS = 5


@dataclass(slots=True)
class Form:
    """What a page shows: field names by label text, buttons by text, and the values that go along unseen."""

    action: str = ""
    method: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    language: str = ""
    text: str = ""


class _Reader(HTMLParser):
    """Collects a Form; a text belongs to the label, button or alert that it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self._inside: tuple[str, Mapping[str, str]] = ("", {})
        self._names: dict[str, str] = {}
        self._labelled: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = (tag, given)
        if tag == "html":
            self.form.language = given.get("lang", "")
        elif tag == "form":
            self.form.action, self.form.method = given["action"], given["method"]
        elif tag == "input":
            self.form.values[given["name"]] = given.get("value", "")
            self.form.attributes[given["name"]] = given
            self._names[given.get("id", "")] = given["name"]

    def handle_data(self, data: str) -> None:
        tag, given = self._inside
        self.form.text += data + " "
        if tag == "label":
            self._labelled[data] = given["for"]
        elif tag == "button":
            self.form.buttons[data] = (given["name"], given["value"]) if "name" in given else None
        elif given.get("role") == "alert":
            self.form.alerts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ("", {})
        if tag == "html":
            self.form.labels = {text: self._names[target] for text, target in self._labelled.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """Where a browser has come to rest: a page of the login host, or (`left_for`) a redirect to elsewhere."""

    answer: requests.Response
    form: Form
    left_for: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query with which the browser left for the app; empty where it did not."""
        return dict(parse_qsl(urlsplit(self.left_for or "").query, keep_blank_values=True))

    @property
    def title(self) -> str:
        """What the browser's tab shows."""
        return self.answer.text.partition("<title>")[2].partition("</title>")[0]


class Person:
    """An account's owner with a browser, who looks at pages and fills them in."""

    def __init__(self, sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
        self._sandbox = sandbox
        self.browser = browser
        self.account = account

    def open(self, app: SandboxApp, **query: str) -> Page:
        """Follow an app's login link."""
        return self._rest(self.browser.get("/connect/login", v="3", api_key=app.api_key, **query))

    def submit(self, page: Page, button: str, **typed: str) -> Page:
        """Fill in fields by their labels (an underscore stands for a blank), press a button, and follow on."""
        form = dict(page.form.values)
        for label, value in typed.items():
            form[page.form.labels[label.replace("_", " ")]] = value
        pressed = page.form.buttons[button]
        if pressed is not None:
            form[pressed[0]] = pressed[1]
        if page.form.method != "post":
            raise AssertionError("a form with secrets must be posted")
        return self._rest(self.browser.post(page.form.action, **form))

    def enter_password(self, page: Page, password: str | None = None) -> Page:
        """Fill in the login page, with the right password or another one."""
        return self.submit(page, "Log in", Client_ID=self.account.client_id, Password=password or self.account.password)

    def enter_code(self, page: Page, code: str | None = None) -> Page:
        """Fill in the page of the second factor, whatever it calls its code, with that of the present or another."""
        (label,) = page.form.labels
        return self.submit(
            page, "Continue", **{label: self.account.code(self._sandbox.now()) if code is None else code}
        )

    def log_in(self, app: SandboxApp, **query: str) -> Page:
        """All the way from the link, with the right entries."""
        return self.enter_code(self.enter_password(self.open(app, **query)))

    def _rest(self, answer: requests.Response) -> Page:
        host = urlsplit(answer.url).netloc
        for _ in range(_MOST_HOPS):
            if answer.status_code != requests.codes.found:
                return Page(answer, _read(answer))
            location = answer.headers["Location"]
            if urlsplit(location).netloc not in ("", host):
                return Page(answer, Form(), left_for=location)
            answer = self.browser.get(location)
        raise AssertionError(f"more than {_MOST_HOPS} redirects")


def _read(answer: requests.Response) -> Form:
    reader = _Reader()
    reader.feed(answer.text)
    reader.close()
    return reader.form
