"""The official client, made to follow a folder without touching anything private of it.

A requests session lets an `auth` callable finish each request just before it leaves, and see its answer: the way in
which requests' own HTTPDigestAuth works. So a request is repeated, never a caller's function that may have placed an
order before the one that was refused. The callable needs nothing imported from requests.
"""

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kiteconnect import KiteConnect

from kite_token.tokens import ClientChanged, Token

if TYPE_CHECKING:
    from kite_token.folder import TokenFolder


def following_client(folder: "TokenFolder", options: dict[str, Any]) -> KiteConnect:
    """A client with the folder's present token, which every later request replaces by the one of its own moment."""
    token = folder.token()
    client = KiteConnect(api_key=token.api_key, access_token=token.access_token, **options)
    client.reqsession.auth = FollowFolder(folder, client, token.user_id)
    return client


class FollowFolder:
    """Puts the folder's token on each request; sends one again that was refused for an older token."""

    def __init__(self, folder: "TokenFolder", client: KiteConnect, user_id: str) -> None:
        self._folder = folder
        self._client = client
        self._user_id = user_id

    def __call__(self, request: Any) -> Any:
        """Finish a request that is about to leave: its Authorization, and a look at its answer."""
        sent = _authorization(self._current())
        request.headers["Authorization"] = sent
        request.register_hook("response", partial(self._answered, sent))
        return request

    def _answered(self, sent: str, response: Any, **sending: Any) -> Any:
        """The answer to give the caller. A redirect to another host has lost its Authorization and gets none here."""
        if not _refused(response) or response.request.headers.get("Authorization") != sent:
            return response
        fresh = _authorization(self._current())
        if fresh == sent:
            self._folder.report_dead()
            return response
        response.close()  # its body has been read: the connection is free
        again = response.request.copy()
        again.headers["Authorization"] = fresh
        answer = response.connection.send(again, **sending)  # past the hooks: there is no third time
        answer.history.append(response)
        answer.request = again
        if _refused(answer):
            self._folder.report_dead()
        return answer

    def _current(self) -> Token:
        token = self._folder.token()
        if token.user_id != self._user_id:
            raise ClientChanged(
                f"{self._folder.path} now holds the token of another client: restart the program if that is intended"
            )
        # For who reads them, such as a KiteTicker; the request itself takes both from one token.
        self._client.api_key = token.api_key
        self._client.set_access_token(token.access_token)
        return token


def _authorization(token: Token) -> str:
    return f"token {token.api_key}:{token.access_token}"


def _refused(response: Any) -> bool:
    """Return whether Kite says that the token is not good: 403 with the error type TokenException, and nothing less."""
    if response.status_code != HTTPStatus.FORBIDDEN:
        return False
    try:
        said = response.json()
    except ValueError:  # a page of a firewall says nothing about the token
        return False
    return isinstance(said, dict) and said.get("error_type") == "TokenException"
