"""The one error of the demo: a step did not show what it should have."""


class NotVerified(Exception):
    """An expectation that did not hold, in words that hold no secret."""
