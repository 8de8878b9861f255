"""A trading pod's use of the derived Secret: the official client, with nothing but the Secret's contents."""

from kiteconnect import KiteConnect
from kiteconnect.exceptions import KiteException, TokenException
from requests import RequestException

from demo.checks import Derived
from demo.errors import NotVerified


def user_of(derived: Derived, api_url: str) -> str:
    """`profile()["user_id"]`, or NotVerified; the client's own words are left out, they may quote anything."""
    try:
        return str(_client(derived, api_url).profile()["user_id"])
    except (KiteException, RequestException, KeyError) as error:
        raise NotVerified(f"the official client's profile() failed with {type(error).__name__}") from None


def is_refused(derived: Derived, api_url: str) -> bool:
    """Return whether the official client gets the TokenException of a dead token."""
    try:
        _client(derived, api_url).profile()
    except TokenException:
        return True
    except (KiteException, RequestException, KeyError) as error:
        raise NotVerified(f"the official client got {type(error).__name__} for a dead token") from None
    return False


def _client(derived: Derived, api_url: str) -> KiteConnect:
    return KiteConnect(derived.api_key.reveal(), access_token=derived.access_token.reveal(), root=api_url)
