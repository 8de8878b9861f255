"""A folder that changes under its reader: no mixture of two tokens, no needless reading, no missed change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kite_token import KEYS, TokenFolder, TokenInvalid, TokenMissing
from kite_token.folder import MOST_READS
from support.mounted_secret import FIRST, SECOND, MountedSecret, contents

LATER = "2026-03-04T06:00:00+05:30"
SECOND_CONTENTS = contents(SECOND, expires_at=LATER)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened to be read, in order."""
    seen: list[Path] = []
    _before_reading(monkeypatch, seen.append)
    return seen


def _before_reading(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]) -> None:
    """Act whenever a file is about to be opened to be read."""
    real = Path.open

    def opening(path: Path, mode: str = "r", *others: object, **more: object) -> object:
        if mode == "rb":
            act(path)
        return real(path, mode, *others, **more)  # type: ignore[call-overload]  # passed on as they came

    monkeypatch.setattr(Path, "open", opening)


def _once(name: str, act: Callable[[], object]) -> Callable[[Path], None]:
    """The act, when the file of that name is opened for the first time."""
    waiting = [act]

    def acting(path: Path) -> None:
        if path.name == name and waiting:
            waiting.pop()()

    return acting


def test_a_published_token_is_seen(secret: MountedSecret) -> None:
    folder = TokenFolder(secret.folder)
    first = folder.token()
    secret.publish(SECOND_CONTENTS)
    assert (FIRST, SECOND) == (first.access_token, folder.token().access_token)


def test_an_unchanged_folder_is_read_once(secret: MountedSecret, opened: list[Path]) -> None:
    folder = TokenFolder(secret.folder)
    assert folder.token() is folder.token()
    assert list(KEYS) == [path.name for path in opened]


def test_an_unchanged_folder_of_plain_files_is_read_once(tmp_path: Path, opened: list[Path]) -> None:
    for key, value in contents().items():
        (tmp_path / key).write_text(value)
    opened.clear()
    folder = TokenFolder(tmp_path)
    assert folder.token() is folder.token()
    assert len(KEYS) == len(opened)


def test_a_replaced_plain_file_is_seen(tmp_path: Path) -> None:
    for key, value in contents().items():
        (tmp_path / key).write_text(value)
    folder = TokenFolder(tmp_path)
    folder.token()
    (tmp_path / "coming").write_text(SECOND)
    (tmp_path / "coming").rename(tmp_path / "access_token")
    assert SECOND == folder.token().access_token


@pytest.mark.parametrize("at", KEYS)
def test_a_swap_at_any_key_gives_the_new_token_whole(
    at: str, secret: MountedSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_reading(monkeypatch, _once(at, lambda: secret.publish(SECOND_CONTENTS)))
    token = TokenFolder(secret.folder).token()
    assert (SECOND, LATER) == (token.access_token, token.expires_at.isoformat())


@pytest.mark.parametrize("at", KEYS)
def test_a_swap_whose_old_folder_still_lies_there_gives_the_new_token_whole(
    at: str, secret: MountedSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_reading(monkeypatch, _once(at, lambda: secret.swap(secret.write(SECOND_CONTENTS))))
    token = TokenFolder(secret.folder).token()
    assert (SECOND, LATER) == (token.access_token, token.expires_at.isoformat())


@pytest.mark.parametrize("at", KEYS)
def test_a_plain_file_replaced_at_any_key_gives_the_new_token(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in contents().items():
        (tmp_path / key).write_text(value)
    coming = tmp_path / "coming"
    coming.write_text(SECOND)
    _before_reading(monkeypatch, _once(at, lambda: coming.rename(tmp_path / "access_token")))
    assert SECOND == TokenFolder(tmp_path).token().access_token


def test_keys_taken_away_in_mid_read_are_missing(secret: MountedSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    _before_reading(monkeypatch, _once("user_id", lambda: secret.publish({})))
    with pytest.raises(TokenMissing, match="has no api_key, access_token, user_id, expires_at"):
        TokenFolder(secret.folder).token()


def test_before_the_swap_a_new_folder_is_not_looked_at(secret: MountedSecret) -> None:
    secret.write(SECOND_CONTENTS)
    assert FIRST == TokenFolder(secret.folder).token().access_token


def test_after_the_swap_the_pod_s_own_links_are_not_waited_for(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "kite")
    mounted.swap(mounted.write(contents()))
    assert FIRST == TokenFolder(mounted.folder).token().access_token


def test_a_folder_that_never_rests_is_an_error(secret: MountedSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    def swap_at_each_expiry(path: Path) -> None:
        if path.name == "expires_at":
            secret.swap(secret.write(SECOND_CONTENTS))

    _before_reading(monkeypatch, swap_at_each_expiry)
    with pytest.raises(TokenInvalid, match=f"changed {MOST_READS} times while it was read"):
        TokenFolder(secret.folder).token()


def test_another_token_is_a_change(secret: MountedSecret) -> None:
    folder = TokenFolder(secret.folder)
    first = folder.token()
    assert not folder.changed(first)
    secret.publish(SECOND_CONTENTS)
    assert folder.changed(first)
    assert not folder.changed(folder.token())


def test_the_same_token_published_again_is_no_change(secret: MountedSecret) -> None:
    folder = TokenFolder(secret.folder)
    first = folder.token()
    secret.publish(contents())
    assert not folder.changed(first)


def test_a_token_that_is_taken_away_is_not_remembered(secret: MountedSecret) -> None:
    folder = TokenFolder(secret.folder)
    folder.token()
    secret.publish({})
    with pytest.raises(TokenMissing):
        folder.token()
    with pytest.raises(TokenMissing):
        folder.token()
    secret.publish(SECOND_CONTENTS)
    assert SECOND == folder.token().access_token
