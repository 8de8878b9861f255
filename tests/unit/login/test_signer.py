"""A signed value that travels through a browser is returned unchanged, or not at all."""

import pytest

from kite_operator.cluster.keyring import Keyring
from kite_operator.login.signer import Signer, digest, same
from kite_operator.model.sensitive import Sensitive

SIGNER = Signer(b"k" * 32)
VALUES = ("desk", "alpha", 1234567890)


def test_a_signed_value_is_verified_by_any_replica_with_the_same_key() -> None:
    assert VALUES == Signer(b"k" * 32).verify("state", SIGNER.sign("state", VALUES))


def test_a_signature_is_valid_for_its_purpose_only() -> None:
    assert SIGNER.verify("session", SIGNER.sign("state", VALUES)) is None


def test_another_key_verifies_nothing() -> None:
    assert Signer(b"x" * 32).verify("state", SIGNER.sign("state", VALUES)) is None


def test_no_single_changed_letter_is_accepted() -> None:
    text = SIGNER.sign("state", VALUES)
    for place, letter in enumerate(text):
        other = "A" if letter != "A" else "B"
        assert SIGNER.verify("state", text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", ".", "a.b", "é.é", "WyJ4Il0", "x" * 5000, "\x00.\x00"])
def test_a_text_without_a_signature_is_refused_without_an_error(text: str) -> None:
    assert SIGNER.verify("state", text) is None


@pytest.mark.parametrize("ending", ["=", " ", "\n", ".", "A"])
def test_a_signature_has_one_valid_encoding(ending: str) -> None:
    assert SIGNER.verify("state", SIGNER.sign("state", VALUES) + ending) is None


def test_a_derived_key_depends_on_its_label_and_on_the_keyring() -> None:
    one, other = (Keyring(Sensitive(text)) for text in ("a2s" * 12, "b2s" * 12))
    keys = {one.derived("login page"), one.derived("another"), other.derived("login page")}
    assert 3 == len(keys)
    assert one.version("login page") not in {key.hex()[:32] for key in keys}


def test_nothing_of_the_key_is_shown() -> None:
    assert "Signer(***)" == repr(SIGNER)


def test_whole_texts_are_compared() -> None:
    assert same("é", "é")
    assert not same(digest("a"), digest("b"))
