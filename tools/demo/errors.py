"""The one error of the demo: a step did not show what it should have."""


class NotVerified(Exception):
    """What was expected and what was seen instead, in words that hold no secret."""
