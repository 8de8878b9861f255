"""A notification Secret is read line by line; a problem names line and key, and shows nothing of a URL."""

import base64

import pytest

from kite_operator.model.notify_urls import LONGEST_URL, MOST_URLS, parse_notify_secret

SECRET_PART = "xoxb-made-up-and-wrong"


def parsed(text: str) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    read = parse_notify_secret("alpha-notify", {"urls": base64.b64encode(text.encode()).decode()})
    return [(line.number, line.url.reveal()) for line in read.lines], read.problems


def test_a_line_is_a_url_and_the_rest_is_skipped() -> None:
    text = f"# the desk\n\n slack://{SECRET_PART} \r\n\t\n#tgram://off\nhttps://hooks.example.com/a\n"
    assert ([(3, f"slack://{SECRET_PART}"), (6, "https://hooks.example.com/a")], ()) == parsed(text)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "does not exist in this namespace"),
        ({}, "has no key 'urls'"),
        ({"url": "eA=="}, "has no key 'urls'"),
        ({"urls": ""}, "has no URL"),
        ({"urls": None}, "has no URL"),
        ({"urls": base64.b64encode(b"\n# only a comment\n").decode()}, "has no URL"),
        ({"urls": base64.b64encode(b"\xff\xfe").decode()}, "is not text"),
        ({"urls": "not base64"}, "is not text"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told_with_its_name(data: dict[str, str] | None, told: str) -> None:
    read = parse_notify_secret("alpha-notify", data)
    assert () == read.lines
    (problem,) = read.problems
    assert told in problem
    assert "'alpha-notify'" in problem


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"slack://{SECRET_PART} {SECRET_PART}", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}\x00", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}\u20b9", "has characters that a URL cannot have"),
        (f"slack://{SECRET_PART}{'a' * LONGEST_URL}", "is too long"),
    ],
)
def test_a_bad_line_is_told_by_number_and_the_others_are_used(line: str, told: str) -> None:
    lines, problems = parsed(f"{line}\nslack://good")
    assert [(2, "slack://good")] == lines
    (problem,) = problems
    assert problem.startswith("line 1 of key 'urls' of Secret 'alpha-notify' ")
    assert told in problem
    assert SECRET_PART not in problem


def test_a_secret_has_a_bounded_number_of_urls() -> None:
    lines, problems = parsed("\n".join(f"slack://{number}" for number in range(MOST_URLS + 2)))
    assert MOST_URLS == len(lines)
    assert [str(MOST_URLS + 1), str(MOST_URLS + 2)] == [problem.split()[1] for problem in problems]


def test_what_was_read_does_not_show_itself() -> None:
    read = parse_notify_secret("alpha-notify", {"urls": base64.b64encode(f"slack://{SECRET_PART}".encode()).decode()})
    assert SECRET_PART not in f"{read!r} {read} {read.lines[0]}"
