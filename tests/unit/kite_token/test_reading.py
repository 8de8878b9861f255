"""What a folder says, and how it says what is wrong with it."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import kite_token
from kite_operator.cluster.contents import contents as published_contents
from kite_operator.model.resource import DEFAULT_FORMATS
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from kite_token import Token, TokenInvalid, TokenMissing
from support.mounted_secret import API_KEY, FIRST, MountedSecret, contents

IST = timezone(timedelta(hours=5, minutes=30))
FLUSH = datetime(2026, 3, 3, 6, tzinfo=IST)
TOKEN = Token(API_KEY, FIRST, "AB1234", FLUSH)


def _plain(folder: Path, values: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for key, value in values.items():
        (folder / key).write_text(value)
    return folder


def test_a_mounted_secret_is_read(secret: MountedSecret) -> None:
    assert TOKEN == kite_token.read(secret.folder)


def test_a_folder_of_plain_files_is_read(tmp_path: Path) -> None:
    assert TOKEN == kite_token.read(_plain(tmp_path / "plain", contents()))


def test_the_folder_may_be_text(secret: MountedSecret) -> None:
    assert TOKEN == kite_token.read(str(secret.folder))


def test_a_newline_that_an_editor_left_is_no_part_of_a_value(tmp_path: Path) -> None:
    values = {key: f"{value}\n" for key, value in contents().items()}
    assert TOKEN == kite_token.read(_plain(tmp_path / "plain", values))


def test_the_environment_names_the_folder(secret: MountedSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITE_TOKEN_DIR", str(secret.folder))
    assert TOKEN == kite_token.read()


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_folder_is_the_documented_one(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KITE_TOKEN_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("KITE_TOKEN_DIR", value)
    assert Path("/var/run/secrets/kite") == kite_token.TokenFolder().path


def test_what_the_operator_writes_is_what_the_pod_reads(secret: MountedSecret) -> None:
    login_time = datetime(2026, 3, 2, 7, 35, 12, tzinfo=IST)
    written = published_contents(Session("AB1234", Sensitive(API_KEY), Sensitive(FIRST), login_time), DEFAULT_FORMATS)
    assert set(kite_token.KEYS) == set(written)
    secret.publish({key: base64.b64decode(value).decode() for key, value in written.items()})
    assert TOKEN == kite_token.read(secret.folder)


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    with pytest.raises(TokenMissing, match=re.escape(f"{folder} is not a folder: mount the derived Secret there")):
        kite_token.read(folder)


def test_a_file_in_place_of_the_folder_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("made up")
    with pytest.raises(TokenMissing, match="is not a folder"):
        kite_token.read(tmp_path / "file")


@pytest.mark.parametrize("mounted", [True, False])
def test_all_missing_keys_are_named_at_once(mounted: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of a test
    values = {"api_key": API_KEY, "user_id": "AB1234"}
    folder = tmp_path / "kite"
    if mounted:
        MountedSecret(folder).publish(values)
    else:
        _plain(folder, values)
    with pytest.raises(TokenMissing, match=f"^{re.escape(str(folder))} has no access_token, expires_at: "):
        kite_token.read(folder)


@pytest.mark.parametrize("key", kite_token.KEYS)
@pytest.mark.parametrize(
    "value", ["", "\n", "two words", "line\nbreak", "t\x00ken", "tokén", "a" * 4097, "a" * 9999], ids=repr
)
def test_an_unusable_value_is_named_by_its_key(key: str, value: str, secret: MountedSecret) -> None:
    secret.publish(contents() | {key: value})
    with pytest.raises(TokenInvalid, match=f"^{re.escape(str(secret.folder))}: {key} is empty, too long, or not one"):
        kite_token.read(secret.folder)


@pytest.mark.parametrize("key", kite_token.KEYS)
def test_bytes_that_are_no_text_are_named_by_their_key(key: str, secret: MountedSecret) -> None:
    (secret.folder / key).write_bytes(b"\xff\xfe")
    with pytest.raises(TokenInvalid, match=f": {key} is "):
        kite_token.read(secret.folder)


@pytest.mark.parametrize("value", ["2026-03-03T06:00:00", "tomorrow", "06:00"])
def test_an_expiry_without_a_zone_is_refused(value: str, secret: MountedSecret) -> None:
    secret.publish(contents(expires_at=value))
    with pytest.raises(TokenInvalid, match=": expires_at is not a time with a zone"):
        kite_token.read(secret.folder)


def test_all_unusable_values_are_named_at_once(secret: MountedSecret) -> None:
    secret.publish(contents("two words", expires_at="soon"))
    with pytest.raises(TokenInvalid, match=r": access_token is .*; expires_at is not a time"):
        kite_token.read(secret.folder)


def test_what_cannot_be_read_says_why(secret: MountedSecret) -> None:
    (secret.folder / "access_token").unlink()
    current = secret.current()
    assert current is not None
    (current / "access_token").unlink()
    (current / "access_token").mkdir()
    with pytest.raises(TokenInvalid, match=": access_token cannot be read: Is a directory"):
        kite_token.read(secret.folder)


def test_both_kinds_of_error_are_caught_as_one() -> None:
    kinds = (TokenMissing, TokenInvalid, kite_token.ClientChanged)
    assert [True] * 3 == [issubclass(kind, kite_token.KiteTokenError) for kind in kinds]


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        (FLUSH - timedelta(seconds=1), False),
        (FLUSH, True),
        (datetime(2026, 3, 3, 0, 29, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 3, 0, 30, tzinfo=UTC), True),
    ],
)
def test_a_token_expires_at_its_moment_in_any_zone(now: datetime, expired: bool) -> None:  # noqa: FBT001 - as above
    assert expired == TOKEN.expired(now)


def test_a_time_without_a_zone_is_not_compared() -> None:
    with pytest.raises(ValueError, match="aware"):
        TOKEN.expired(FLUSH.replace(tzinfo=None))
