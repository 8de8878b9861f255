"""A Sensitive value is never shown (P4)."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass, replace

import pytest

from kite_operator.model.sensitive import Sensitive
from support.facts import APP, FACTORS, NOON, SECRETS, leaks, renewal, session

TEXT = "api-secret-0123456789"
VALUE = Sensitive(TEXT)


@dataclass(frozen=True, slots=True)
class Holder:
    name: str
    secret: Sensitive


@pytest.mark.parametrize(
    "shown",
    [
        repr(VALUE),
        str(VALUE),
        f"{VALUE}",
        f"{VALUE!r:>60}",
        f"{VALUE:>60}",
        "%s %r" % (VALUE, VALUE),  # noqa: UP031 - the old way of formatting, which logging uses
        "{0} {0!r}".format(VALUE),  # noqa: UP032 - the method is what is tried
        repr([VALUE, {"key": VALUE}]),
        repr(Holder("alpha", VALUE)),
        repr(ValueError(VALUE)),
        str(ValueError(VALUE)),
    ],
)
def test_no_way_of_writing_it_shows_the_text(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_values_that_hold_a_sensitive_one_do_not_show_it_either() -> None:
    renewed = replace(session(NOON), refresh_token=renewal().refresh_token)
    assert [] == list(leaks(repr((APP, FACTORS, renewed, renewal()))))
    assert set(SECRETS) <= {
        value.reveal()
        for value in (
            APP.api_key,
            APP.api_secret,
            FACTORS.password,
            FACTORS.totp_secret,
            renewed.access_token,
            renewal().refresh_token,
        )
    }


def test_a_log_line_and_a_traceback_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("refused", VALUE)
    logging.getLogger("test").error("it went wrong with %s", VALUE, extra={"secret": VALUE}, exc_info=error)
    shown = "".join(traceback.format_exception(error))
    assert TEXT not in shown + caplog.text
    assert "***" in caplog.text


@pytest.mark.parametrize(
    "take_apart", [pickle.dumps, copy.copy, copy.deepcopy, lambda value: asdict(Holder("a", value))]
)
def test_it_is_neither_pickled_nor_copied_nor_taken_apart(take_apart: object) -> None:
    assert callable(take_apart)
    with pytest.raises(TypeError, match="never pickled or copied") as caught:
        take_apart(VALUE)
    assert TEXT not in str(caught.value)


def test_json_refuses_it() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"secret": VALUE})
    assert TEXT not in str(caught.value)


def test_it_has_no_dictionary_to_look_into_and_cannot_be_changed() -> None:
    assert not hasattr(VALUE, "__dict__")
    with pytest.raises(AttributeError):
        VALUE._text = "another"
    with pytest.raises(AttributeError):
        del VALUE._text
    assert TEXT == VALUE.reveal()


def test_equal_texts_are_equal_values() -> None:
    assert Sensitive(TEXT) == VALUE
    assert Sensitive("another") != VALUE
    assert TEXT != VALUE
    assert 1 == len({VALUE, Sensitive(TEXT)})
    assert (True, False) == (bool(VALUE), bool(Sensitive("")))
