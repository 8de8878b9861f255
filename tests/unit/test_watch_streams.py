"""The session that Kopf is given shows its credentials to the API server and to nobody else."""

import kopf

from kite_operator.watch_streams import KopfSessions, Streams


async def test_its_token_is_sent_and_never_shown() -> None:
    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server="http://127.0.0.1:1", scheme="Bearer", token="made-up-bearer")

    async with KopfSessions(connect, Streams(2)) as logins:
        made = await logins.log_in()
        assert "Bearer made-up-bearer" == made.aiohttp_session.headers["Authorization"]
        assert "made-up-bearer" not in f"{made!r} {made} {made.aiohttp_session!r}"
        assert not made.aiohttp_session.closed
    assert made.aiohttp_session.closed
