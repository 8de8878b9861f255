"""The gathered state holds Secrets as they were read: its repr shows nothing of them (P4)."""

import base64

from kite_operator.cluster.gather import Gathered
from support.facts import ACCESS_TOKEN, NOON, leaks, observed, published


def test_the_gathered_secrets_are_not_shown() -> None:
    encoded = base64.b64encode(ACCESS_TOKEN.encode()).decode()
    secret = {"metadata": {"name": "alpha-token"}, "data": {"access_token": encoded}}
    shown = repr(Gathered(observed(held=published(NOON)), secret, secret, "abc"))
    assert [] == [*leaks(shown), *[each for each in (encoded,) if each in shown]]
