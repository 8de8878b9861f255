"""A notification Secret is read line by line; a problem names line and key, and shows nothing of a URL."""

import base64

import pytest

from kite_operator.model.notify_urls import LONGEST_URL, MOST_URLS, parse_notify_secret, told

SECRET_PART = "xoxb-made-up-and-wrong"


def parsed(text: str) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    read = parse_notify_secret({"urls": base64.b64encode(text.encode()).decode()})
    return [(line.number, line.url.reveal()) for line in read.lines], read.problems


def test_a_line_is_a_url_and_everything_else_is_skipped() -> None:
    text = f"# the desk\n\n slack://{SECRET_PART} \r\n\t\n#tgram://off\nhttps://hooks.example.com/a\n"
    assert ([(3, f"slack://{SECRET_PART}"), (6, "https://hooks.example.com/a")], ()) == parsed(text)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "there is no such Secret in this namespace"),
        ({}, "there is no such key"),
        ({"url": "eA=="}, "there is no such key"),
        ({"urls": ""}, "has no URL"),
        ({"urls": None}, "has no URL"),
        ({"urls": base64.b64encode(b"\n# only a comment\n").decode()}, "has no URL"),
        ({"urls": base64.b64encode(b"\xff\xfe").decode()}, "it is not text"),
        ({"urls": "not base64"}, "it is not text"),
    ],
)
def test_a_secret_that_cannot_be_used_is_reported_as_a_whole(data: dict[str, str] | None, problem: str) -> None:
    read = parse_notify_secret(data)
    assert () == read.lines
    assert problem in read.problems[0]
    assert told("alpha", read.problems).startswith("key 'urls' of Secret 'alpha' (spec.notifySecretRef): ")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"slack://{SECRET_PART} {SECRET_PART}", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}\x00", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}\u20b9", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}{'a' * LONGEST_URL}", "is too long"),
    ],
)
def test_a_bad_line_is_reported_by_number_and_the_others_are_used(line: str, problem: str) -> None:
    lines, problems = parsed(f"{line}\nslack://good")
    assert [(2, "slack://good")] == lines
    (found,) = problems
    assert found.startswith(f"line 1 {problem}")
    assert SECRET_PART not in found


@pytest.mark.parametrize("line", ["slack://good", f"slack://{SECRET_PART} x"])
def test_a_secret_has_a_bounded_number_of_urls_and_of_problems(line: str) -> None:
    lines, problems = parsed("\n".join([line] * 100_000))
    assert MOST_URLS + 1 == len(lines) + len(problems)
    assert problems[-1].startswith(f"line {MOST_URLS + 1} and what follows it is not used")


def test_a_parsed_secret_does_not_show_its_urls() -> None:
    read = parse_notify_secret({"urls": base64.b64encode(f"slack://{SECRET_PART}".encode()).decode()})
    assert SECRET_PART not in f"{read!r} {read} {read.lines[0]}"
