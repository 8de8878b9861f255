"""Clock offset and its effect on a code, whether the broker accepts neighbouring windows or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.model.clockoffset import BEARABLE_SECONDS, HOPELESS_SECONDS, ClockOffset, measured

WINDOW = 30.0
MARGIN = 3.0


@pytest.mark.parametrize(
    ("dated", "asked", "answered", "ahead", "uncertainty"),
    [
        (100.0, 100.0, 100.0, -0.5, 0.5),
        (100.0, 100.5, 100.5, 0.0, 0.5),
        (100.0, 190.0, 191.0, 90.0, 1.0),
        (100.0, 10.0, 11.0, -90.0, 1.0),
        (100.0, 99.5, 101.5, 0.0, 1.5),
    ],
)
def test_the_offset_is_the_middle_of_what_is_possible(
    dated: float, asked: float, answered: float, ahead: float, uncertainty: float
) -> None:
    assert ClockOffset(ahead, uncertainty) == measured(dated=dated, asked=asked, answered=answered)


@pytest.mark.parametrize(("asked", "answered"), [(100.0, 102.1), (100.0, 99.9), (100.0, 3700.0)])
def test_a_slow_answer_or_a_clock_that_was_set_meanwhile_gives_no_offset(asked: float, answered: float) -> None:
    assert measured(dated=100.0, asked=asked, answered=answered) is None


@given(ahead=st.floats(-4000, 4000), asked=st.floats(1e9, 2e9), took=st.floats(0, 2), share=st.floats(0, 1))
def test_the_true_offset_is_within_the_uncertainty(ahead: float, asked: float, took: float, share: float) -> None:
    dated = float(int(asked + took * share - ahead))
    found = measured(dated=dated, asked=asked, answered=asked + took)
    if found is None:  # a rounding beyond two seconds
        return
    assert abs(found.ahead - ahead) <= found.uncertainty + 1e-3


def windows_of_the_broker(ahead: float) -> set[int]:
    """Return the broker's possible windows, relative to ours, while a code may be sent: any moment but the margin."""
    moments = [step / 10 for step in range(int((WINDOW - MARGIN) * 10) + 1)]
    return {int((moment - ahead) // WINDOW) for moment in moments}


@given(st.floats(-300, 300))
def test_a_hopeless_offset_is_wrong_even_where_the_neighbouring_windows_are_accepted(ahead: float) -> None:
    offset = ClockOffset(ahead, 0.0)
    if offset.is_hopeless:
        assert set() == windows_of_the_broker(ahead) & {-1, 0, 1}
    elif abs(ahead) < HOPELESS_SECONDS - MARGIN:
        assert windows_of_the_broker(ahead) & {-1, 0, 1}


@given(st.floats(-300, 300))
def test_a_bearable_offset_leaves_time_in_which_a_code_is_right_where_they_are_not_accepted(ahead: float) -> None:
    if ClockOffset(ahead, 0.0).is_bearable:
        assert 0 in windows_of_the_broker(ahead)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_uncertain_offset_is_not_held_against_a_clock(sign: int) -> None:
    assert not ClockOffset(sign * (HOPELESS_SECONDS + 1), 1.5).is_hopeless
    assert ClockOffset(sign * (HOPELESS_SECONDS + 1), 1.0).is_hopeless
    assert not ClockOffset(sign * (BEARABLE_SECONDS - 1), 1.5).is_bearable
    assert ClockOffset(sign * 4.0, 1.5).is_negligible


@pytest.mark.parametrize(
    ("ahead", "text"),
    [(94.6, "95 s ahead of the broker's"), (-94.6, "95 s behind the broker's"), (0.2, "0 s ahead of the broker's")],
)
def test_an_offset_is_formatted_in_words(ahead: float, text: str) -> None:
    assert text == str(ClockOffset(ahead, 0.5))
