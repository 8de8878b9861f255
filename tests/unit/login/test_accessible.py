"""The pages are accessible: contrast, labels, headings, a language, and links that lead to pages."""

import re
from html.parser import HTMLParser

import pytest

from kite_operator.login.views import STYLE
from support.login_desk import PAGE, PUBLIC, Setup, open_desk

LIGHT, DARK = re.findall(r":root \{([^}]*)\}", STYLE)
ON_PAPER = ("ink", "soft", "link", "good", "bad", "notice")
TEXTS = [
    *((name, "paper") for name in ON_PAPER),
    ("soft", "ground"),
    ("ink", "good-paper"),
    ("ink", "calm-paper"),
    ("bad", "bad-paper"),
    ("ink", "bad-paper"),
    ("notice", "notice-paper"),
    ("ink", "notice-paper"),
    ("soft", "good-paper"),
    ("soft", "bad-paper"),
    ("soft", "notice-paper"),
    ("soft", "calm-paper"),
    ("on-action", "action"),
]
OUTLINES = [("edge", "paper"), ("focus", "paper"), ("focus", "ground"), ("focus", "deep")]


def colour(scheme: str, name: str) -> str:
    """Return a colour of the scheme; the light one's if the dark one does not define it."""
    found = re.search(rf"--{name}: #([0-9a-f]{{6}})", scheme) or re.search(rf"--{name}: #([0-9a-f]{{6}})", LIGHT)
    assert found is not None
    return found[1]


def luminance(colour: str) -> float:
    context = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in context)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(scheme: str, one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    light, dark = sorted((luminance(colour(scheme, one)), luminance(colour(scheme, other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(scheme: str, text: str, ground: str) -> None:
    assert contrast(scheme, text, ground) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), OUTLINES)
def test_the_focus_and_the_edges_of_fields_can_be_seen(scheme: str, line: str, ground: str) -> None:
    assert contrast(scheme, line, ground) >= 3


class Reader(HTMLParser):
    """A parser for what a screen reader uses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def pages(desk: Setup) -> list[str]:
    """Return every kind of page, with alerts and without."""
    answers = [await desk.get("/kite/"), await desk.enter("wrong"), await desk.get("/kite/nosuch")]
    await desk.enter()
    answers += [await desk.get("/kite/"), await desk.get(PAGE), await desk.get("/kite/notice/declined/desk/alpha")]
    answers.append(await desk.post(f"{PAGE}/paste", await desk.mark(PAGE) | {"address": "nonsense"}))
    desk.put_credential(redirectURL="https://127.0.0.1/done")
    answers.append(await desk.get(PAGE))
    answers.append(await desk.post(f"{PAGE}/paste", await desk.mark(PAGE) | {"address": "nonsense"}))
    desk.put_credential(redirectURL=f"{PUBLIC}/callback")
    answers.append(await desk.get(await desk.come_back(await desk.state())))
    return [await answer.text() for answer in answers]


async def test_every_page_has_what_a_screen_reader_uses() -> None:
    async with open_desk() as desk:
        for text in await pages(desk):
            read = Reader(text)
            assert ["en"] == [each.get("lang") for each in read.all("html")]
            assert 1 == len(read.all("h1")) == len(read.all("main")) == len(read.all("title"))
            ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
            assert len(ids) == len(set(ids))
            labelled = {each["for"] for each in read.all("label")}
            fields = [each for each in read.all("input") if each.get("type") != "hidden" and "hidden" not in each]
            assert {each["id"] for each in fields} == labelled
            named = {word for _, attributes in read.tags for word in attributes.get("aria-describedby", "").split()}
            named |= {attributes["aria-labelledby"] for _, attributes in read.tags if "aria-labelledby" in attributes}
            assert set() == named - set(ids)


async def test_an_error_is_shown_first_and_beside_its_field() -> None:
    async with open_desk() as desk:
        text = await (await desk.enter("wrong")).text()
        read = Reader(text)
        assert "<title>Error: " in text
        assert ["alert"] == [each["role"] for each in read.all("p") if "role" in each]
        [field] = [each for each in read.all("input") if each.get("type") == "password"]
        assert ("true", True) == (field["aria-invalid"], "alert" in field["aria-describedby"].split())


async def test_every_link_of_a_page_leads_to_a_page() -> None:
    async with open_desk() as desk:
        links = {each["href"] for text in await pages(desk) for each in Reader(text).all("a")}
        assert links
        assert {200} == {(await desk.get(link)).status for link in links}
