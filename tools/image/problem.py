"""Errors, in words for the person who runs `make image`."""


class ImageProblem(Exception):
    """An image cannot be made; the text says why, and what to do."""
