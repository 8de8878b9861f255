"""What the broker's redirect says, whether a browser follows it to the callback or a person pastes it.

Only its text is read. Nothing of it is ever shown, logged or passed on but the request_token, to the grant.
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
    """Why an answer yields no request_token."""

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
    """The answer in the query of the redirect URL, in any order; a parameter counts only if it is there once."""
    if "cancelled" in query.get("status", ()):
        return Flaw.DECLINED
    token, status = _only(query, "request_token"), query.get("status", ["success"])
    if list(status) != ["success"] or not _TOKEN.fullmatch(token):
        return Flaw.INCOMPLETE
    return Answer(Sensitive(token), _only(query, "state"))


def read_pasted(text: str, redirect_url: str) -> Answer | Flaw:
    """The answer in an address that a person has copied from the browser, if it is the app's redirect URL.

    Browsers leave the protocol away in what they show, and some in what they copy.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_PASTE or _UNREADABLE.search(text):
        return Flaw.NOT_AN_ADDRESS
    try:
        registered = Address.of(urlsplit(redirect_url))
        context = urlsplit(text if "://" in text else f"{registered.scheme}://{text}")
        pasted = Address.of(context)
        query = parse_qs(context.query, keep_blank_values=True, max_num_fields=64)
    except ValueError:  # its message quotes the address
        return Flaw.NOT_AN_ADDRESS
    if "." not in pasted.host and pasted.host != registered.host:
        return Flaw.NOT_AN_ADDRESS
    return read_query(query) if pasted == registered else Flaw.OTHER_ADDRESS


def _only(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name, ())
    return values[0] if len(values) == 1 else ""
