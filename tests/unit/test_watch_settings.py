"""How Kopf is set up: what may pass by itself never ends a watch."""

import itertools

from kite_operator.watch import kopf_settings


def test_a_watch_is_tried_again_without_end_and_never_more_than_half_a_minute_later() -> None:
    pauses = kopf_settings().networking.error_backoffs
    assert not isinstance(pauses, (int, float))
    for _ in range(2):
        first = list(itertools.islice(pauses, 100))
        assert (1.0, 30.0, 30.0) == (first[0], first[-1], max(first))
