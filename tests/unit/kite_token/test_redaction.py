"""Neither secret shows where a program prints, logs or raises (P4)."""

import logging
import traceback
from pathlib import Path

import pytest

import kite_token
from kite_token import KiteTokenError, TokenFolder
from support.mounted_secret import API_KEY, FIRST, MountedSecret, contents

SECRETS = (API_KEY, FIRST)


def _shown(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_a_token_shows_whose_it_is_and_no_secret(secret: MountedSecret) -> None:
    token = kite_token.read(secret.folder)
    shown = "Token(api_key=***, access_token=***, user_id='AB1234', expires_at=2026-03-03T06:00:00+05:30)"
    assert [shown] * 4 == [repr(token), str(token), f"{token}", f"{token!r}"]


def test_a_logged_token_shows_no_secret(secret: MountedSecret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("trader").warning("using %s of %s", kite_token.read(secret.folder), [secret])
    assert "AB1234" in caplog.text
    assert [] == _shown(caplog.text)


def test_a_folder_shows_its_path_alone(secret: MountedSecret) -> None:
    folder = TokenFolder(secret.folder)
    folder.token()
    assert f"TokenFolder({str(secret.folder)!r})" == repr(folder)


@pytest.mark.parametrize("misplaced", kite_token.KEYS)
def test_an_error_never_shows_what_was_put_under_a_key(misplaced: str, secret: MountedSecret) -> None:
    secret.publish(contents() | {misplaced: f"{FIRST} {API_KEY}"})
    assert [] == _shown(_report(secret.folder))


def test_a_token_in_place_of_the_expiry_is_not_shown(secret: MountedSecret) -> None:
    secret.publish(contents(expires_at=FIRST))
    assert [] == _shown(_report(secret.folder))


def test_bytes_that_are_no_text_are_not_shown(secret: MountedSecret) -> None:
    (secret.folder / "access_token").write_bytes(FIRST.encode() + b"\xff")
    assert [] == _shown(_report(secret.folder))


def _report(folder: Path) -> str:
    """All that a program may log of a failed read: the whole traceback, and whatever stands behind the error."""
    with pytest.raises(KiteTokenError) as caught:
        kite_token.read(folder)
    behind, error = [], caught.value.__context__
    while error is not None:
        behind.append(repr(error))
        error = error.__context__
    return "\n".join([*traceback.format_exception(caught.value), *behind])
