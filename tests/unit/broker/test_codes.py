"""TOTP windows, codes and secrets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.broker.codes import code_for, parse_totp_secret, usable_window, window
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import NOW

# RFC 6238, appendix B: the ASCII secret "12345678901234567890".
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
WINDOW_START = datetime(2026, 3, 2, 2, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238(seconds: int, expected: str) -> None:
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    assert expected == code_for(Sensitive(RFC_SECRET), window(now)).reveal()


@pytest.mark.parametrize(
    ("second", "last_used", "expected"),
    [
        (0.0, None, (0, 0.0)),
        (26.9, None, (0, 0.0)),
        (27.0, None, (1, 3.0)),
        (29.5, None, (1, 0.5)),
        (10.0, 0, (1, 20.0)),
        (10.0, -1, (0, 0.0)),
        (28.0, 0, (1, 2.0)),
        (28.0, 1, (2, 32.0)),
        (0.0, 9, (10, 300.0)),
    ],
)
def test_a_window_is_used_once_and_never_in_its_last_three_seconds(
    second: float, last_used: int | None, expected: tuple[int, float]
) -> None:
    first = window(WINDOW_START)
    used = None if last_used is None else first + last_used
    number, wait = usable_window(WINDOW_START + timedelta(seconds=second), used)

    assert expected[0] == number - first
    assert expected[1] == pytest.approx(wait)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.none() | st.integers(-5, 5),
)
def test_after_the_wait_the_window_is_open_with_time_left(moment: datetime, used_ago: int | None) -> None:
    now = moment.replace(tzinfo=UTC)
    last_used = None if used_ago is None else window(now) - used_ago
    number, wait = usable_window(now, last_used)
    opened = now + timedelta(seconds=wait)

    assert number == window(opened)
    assert wait >= 0.0
    assert last_used is None or number > last_used
    assert window(opened + timedelta(seconds=3)) == number


@pytest.mark.parametrize(
    "text",
    [
        RFC_SECRET,
        RFC_SECRET.lower(),
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ\n",
        f"  {RFC_SECRET}====",
        f"otpauth://totp/Kite:AB1234?secret={RFC_SECRET}&issuer=Kite",
        f"otpauth://totp/Kite:AB1234?secret={RFC_SECRET.lower()}&algorithm=SHA1&digits=6&period=30",
    ],
)
def test_secrets_are_normalised(text: str) -> None:
    assert parse_totp_secret(text) == RFC_SECRET


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" - ", "is empty"),
        ("492817", "is a 6-digit code"),
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ0", "base32 does not have"),
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQÖJQ", "base32 does not have"),
        (RFC_SECRET[:-2], "a part of it is missing"),
        (RFC_SECRET[:16], "must hold 14 to 128 bytes, and holds 10"),
        (RFC_SECRET * 10, "must hold 14 to 128 bytes, and holds 200"),
        ("otpauth://totp/Kite:AB1234", "cannot be read"),
        ("otpauth://totp/Kite:AB1234?secret=GEZ!", "cannot be read"),
        (f"otpauth://hotp/Kite:AB1234?secret={RFC_SECRET}&counter=1", "another kind than totp"),
        (f"otpauth://totp/Kite:AB1234?secret={RFC_SECRET}&digits=8", "must be of 6 digits"),
        (f"otpauth://totp/Kite:AB1234?secret={RFC_SECRET}&period=60", "must be of 6 digits"),
        (f"otpauth://totp/Kite:AB1234?secret={RFC_SECRET}&algorithm=SHA256", "must be of 6 digits"),
    ],
)
def test_an_unusable_secret_is_refused_without_being_shown(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_totp_secret(text)

    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert text.strip(" -") == "" or text not in str(error)


@given(st.text(max_size=80))
def test_any_text_is_a_usable_secret_or_refused_in_our_words(text: str) -> None:
    try:
        secret = parse_totp_secret(text)
    except ValueError as error:
        assert error.__context__ is None  # noqa: PT017 - either end is fine
    else:
        assert len(code_for(Sensitive(secret), window(NOW)).reveal()) == 6


@pytest.mark.parametrize(
    ("second", "ahead", "expected"),
    [
        (1.0, 2.0, (0, 0.0)),
        (1.0, 10.0, (0, 10.0)),
        (11.0, 10.0, (0, 0.0)),
        (26.9, 10.0, (0, 0.0)),
        (27.0, 10.0, (1, 14.0)),
        (1.0, -10.0, (0, 0.0)),
        (15.9, -10.0, (0, 0.0)),
        (16.0, -10.0, (1, 14.0)),
        (16.0, -25.0, (0, 0.0)),
        (16.0, 100.0, (0, 0.0)),
    ],
)
def test_a_code_is_sent_while_both_clocks_are_in_its_window(
    second: float, ahead: float, expected: tuple[int, float]
) -> None:
    now = WINDOW_START + timedelta(seconds=second)
    first, wait = usable_window(now, None, ClockOffset(ahead, 1.0))
    assert expected == (first - window(WINDOW_START), wait)


@given(
    second=st.floats(0, 29.99), ahead=st.floats(-18, 18), off=st.floats(-1, 1), last=st.sampled_from([None, -1, 0, 2])
)
def test_by_a_bearable_offset_the_code_is_right_by_the_brokers_clock_too(
    second: float, ahead: float, off: float, last: int | None
) -> None:
    now = WINDOW_START + timedelta(seconds=second)
    used = None if last is None else window(WINDOW_START) + last
    chosen, wait = usable_window(now, used, ClockOffset(ahead + off, 1.0))
    sent = now + timedelta(seconds=wait)
    assert chosen == window(sent)
    if abs(ahead + off) > 4:
        assert chosen == window(sent - timedelta(seconds=ahead) + timedelta(milliseconds=1))
