"""An API server that goes away: before a request, or between a write and its answer."""

from collections.abc import Callable

from kite_operator.model.errors import ClusterUnavailable
from support.acting import Stage


def away(stage: Stage, requests: int) -> None:
    """The next `requests` requests are not answered."""
    left = [requests]

    def before(verb: str, path: str) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ClusterUnavailable(f"{verb} {path}", status=0)

    stage.cluster.before = before


def lose_answer(stage: Stage, due: Callable[[], bool], requests: int = 0) -> None:
    """The answer to the write after which it is `due` is lost, once; and the next `requests` requests altogether."""
    request = stage.cluster._request
    lost: list[str] = []

    async def unanswered(verb: str, path: str, **rest: object) -> object:
        answered = await request(verb, path, **rest)  # type: ignore[arg-type]  # passed on as it came
        if verb != "GET" and not lost and due():
            lost.append(path)
            away(stage, requests)
            raise ClusterUnavailable(f"{verb} {path}", status=0)
        return answered

    stage.cluster._request = unanswered  # type: ignore[method-assign,assignment]  # a wire that breaks after the write
