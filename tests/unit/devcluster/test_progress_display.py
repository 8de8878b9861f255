"""What the one who waits sees."""

import io

import pytest

from devcluster.progress import Progress, about, clock_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Now:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_terminal_has_one_line_that_is_rewritten() -> None:
    stream, now = Terminal(), Now()
    progress = Progress("Building etcd", stream, now)
    progress.tick()
    now.seconds = 61.7
    progress.tick()
    progress.done("Built etcd")
    line = "\r\x1b[K"
    assert f"{line}Building etcd: 0:00{line}Building etcd: 1:01{line}Built etcd (1:01)\n" == stream.getvalue()


def test_a_log_has_a_line_every_twenty_seconds() -> None:
    stream, now = io.StringIO(), Now()
    progress = Progress("Building etcd", stream, now)
    for second in range(45):
        now.seconds = float(second)
        progress.tick()
    progress.done("Built etcd")
    expected = ["Building etcd: 0:00", "Building etcd: 0:20", "Building etcd: 0:40", "Built etcd (0:44)"]
    assert expected == stream.getvalue().splitlines()


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (59.9, "0:59"), (187, "3:07"), (3600, "60:00")])
def test_elapsed_time_is_minutes_and_seconds(seconds: float, expected: str) -> None:
    assert expected == clock_text(seconds)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(0.75, "about 45 seconds"), (1, "about 1 minute"), (3, "about 3 minutes")]
)
def test_a_duration_is_told_in_words(minutes: float, expected: str) -> None:
    assert expected == about(minutes)
