"""What the one who runs the demo sees, and that no check mark comes without its verification."""

import io
from collections.abc import Callable

import pytest

from demo.errors import NotVerified
from demo.screen import Screen, Step, play, screen_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Time:
    """Seconds that pass by being slept."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def screen(stream: io.StringIO | None = None) -> Screen:
    time = Time()
    return Screen(stream if stream is not None else io.StringIO(), now=time.now, sleep=time.sleep)


def written(shown: Screen) -> str:
    assert isinstance(shown.stream, io.StringIO)
    return shown.stream.getvalue()


def fail() -> str:
    raise NotVerified("no bread")


def after(looks: int) -> Callable[[], str | None]:
    left = iter([None] * looks)

    def look() -> str | None:
        return next(left, "found")

    return look


def test_steps_are_numbered_and_ticked_one_after_the_other() -> None:
    shown = screen()
    play([Step("Bake", lambda: "it smells"), Step("Eat", lambda: "it is gone")], shown)
    assert "\n 1. Bake\n    ✓ it smells\n\n 2. Eat\n    ✓ it is gone\n" == written(shown)


def test_a_step_that_fails_is_named_and_gets_no_check_mark_and_none_follows() -> None:
    shown = screen()
    with pytest.raises(NotVerified, match="no bread"):
        play([Step("Bake", fail), Step("Eat", lambda: "it is gone")], shown)
    assert "\n 1. Bake\n    ✗ step 1 of 2 failed: Bake\n" == written(shown)


def test_an_interruption_is_not_called_a_failure() -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    shown = screen()
    with pytest.raises(KeyboardInterrupt):
        play([Step("Bake", interrupted)], shown)
    assert "\n 1. Bake\n" == written(shown)


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    stream: io.StringIO, environment: dict[str, str], *, expected: bool
) -> None:
    shown = screen_for(stream, environment)
    shown.verified("done")
    assert expected == ("\x1b[" in written(shown))


def test_evidence_stands_below_its_command() -> None:
    shown = screen()
    shown.command("kubectl get pods")
    shown.evidence("NAME   READY\none    1/1\n")
    assert "    $ kubectl get pods\n      NAME   READY\n      one    1/1\n" == written(shown)


def test_a_short_wait_says_nothing() -> None:
    shown = screen()
    assert "found" == shown.wait("bread", after(3), seconds=10)
    assert not written(shown)


def test_a_longer_wait_shows_progress_and_how_long_it_was() -> None:
    shown = screen()
    assert "found" == shown.wait("bread", after(20), seconds=10)
    assert "    waiting for bread: 0:00\n    waited for bread (0:01)\n" == written(shown)


def test_a_wait_ends_with_an_error_that_says_for_what() -> None:
    with pytest.raises(NotVerified, match="not within 10 seconds: bread"):
        screen().wait("bread", lambda: None, seconds=10)
