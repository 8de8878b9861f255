"""Fixtures and set-up for the whole test tree."""

import asyncio
import gc
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("kite", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("kite")
gc.set_threshold(100_000, 50, 100)  # the default looks through all that pytest has collected, again and again
pytest_plugins = ["support.log_lines", "support.sandbox", "support.side_by_side", "support.suite_audit"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `pytest tests/cluster --relogin same_token` run the whole suite in the other world of a second login."""
    worlds = ("kills_old", "same_token")
    parser.addoption("--relogin", choices=worlds, default="kills_old", help="the sandbox's switch of that name")


def pytest_sessionstart() -> None:
    """Say that there is no current event loop, so that nobody creates one by asking.

    looptime asks the policy for the loop of every test, synchronous ones too. Until Python 3.14 the policy answers a
    first question with a new loop, which nobody closes: a ResourceWarning, and here an error, in whichever test runs
    when it is collected.
    """
    asyncio.set_event_loop(None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background, where a shell ignores Ctrl-C: the programs that are tested with it must not.
        signal.signal(signal.SIGINT, signal.default_int_handler)
