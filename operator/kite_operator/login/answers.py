"""Parser of the broker's redirect: a browser follows it to the callback, or a user pastes its address.

Only the text is read. Nothing of it is shown, logged or passed on, except the request_token, which goes into the grant.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from kite_operator.broker.redirects import Address
from kite_operator.model.sensitive import Sensitive

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")
_UNREADABLE = re.compile(r"[\x00-\x20\x7f\\]")
LONGEST_PASTE = 4096


class Flaw(StrEnum):
    """The reason why an answer has no usable request_token."""

    DECLINED = "declined"
    INCOMPLETE = "incomplete"
    NOT_AN_ADDRESS = "not-an-address"
    OTHER_ADDRESS = "other-address"


@dataclass(frozen=True, slots=True)
class Answer:
    """A completed login: its request_token, and the state that it was started with (empty when it had none)."""

    request_token: Sensitive
    state: str


def read_query(query: Mapping[str, Sequence[str]]) -> Answer | Flaw:
    """Return the answer in the query of the redirect URL, in any order. A parameter counts only if it occurs once."""
    if "cancelled" in query.get("status", ()):
        return Flaw.DECLINED
    token, status = _only(query, "request_token"), query.get("status", ["success"])
    if list(status) != ["success"] or not _TOKEN.fullmatch(token):
        return Flaw.INCOMPLETE
    return Answer(Sensitive(token), _only(query, "state"))


def read_pasted(text: str, redirect_url: str) -> Answer | Flaw:
    """Return the answer in an address that a user copied from the browser, if it is the app's redirect URL.

    Browsers show addresses without the protocol, and some copy them without it.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_PASTE or _UNREADABLE.search(text):
        return Flaw.NOT_AN_ADDRESS
    try:
        registered = Address.of(urlsplit(redirect_url))
        parts = urlsplit(text if "://" in text else f"{registered.scheme}://{text}")
        pasted = Address.of(parts)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=64)
    except ValueError:  # the message of this error quotes the address
        return Flaw.NOT_AN_ADDRESS
    if "." not in pasted.host and pasted.host != registered.host:
        return Flaw.NOT_AN_ADDRESS
    return read_query(query) if pasted == registered else Flaw.OTHER_ADDRESS


def _only(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name, ())
    return values[0] if len(values) == 1 else ""
