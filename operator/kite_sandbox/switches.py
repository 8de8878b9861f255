"""The switches: where the sources on Kite disagree, or where a test wants a rarer behaviour.

Each has a global value, which an app may override, which an account may override. All of them may be moved at run time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import time, timedelta
from typing import Any


class BadSwitch(ValueError):
    """A switch that does not exist or cannot take this value."""


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadSwitch("must be true or false")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadSwitch("must be a number")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadSwitch("must be a whole number, 0 or more")
    return value


def _text_or_null(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadSwitch("must be a text or null")
    return value


def _wall_time(value: object) -> str:
    try:
        return time.fromisoformat(str(value)).strftime("%H:%M")
    except ValueError as error:
        raise BadSwitch("must be a time like 06:00") from error


def _one_of(*allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in allowed:
            raise BadSwitch(f"must be one of {', '.join(allowed)}")
        return str(value)

    return parse


def _status(value: object) -> int:
    if value not in (400, 403):
        raise BadSwitch("must be 400 or 403")
    return int(str(value))


def _switch(default: Any, parse: Callable[[object], Any]) -> Any:
    return field(default=default, metadata={"parse": parse})


@dataclass(frozen=True, slots=True)
class Switches:
    """The values in force for one call; docs/sandbox.md explains each."""

    flush_at: str = _switch("06:00", _wall_time)
    relogin: str = _switch("kills_old", _one_of("kills_old", "same_token"))
    regenerate_kills_sessions: bool = _switch(default=True, parse=_boolean)
    twofa_page_ttl_s: float = _switch(300.0, _number)
    request_token_ttl_s: float = _switch(120.0, _number)
    bad_checksum_status: int = _switch(403, _status)
    bad_checksum_consumes_token: bool = _switch(default=False, parse=_boolean)
    consent_pending: bool = _switch(default=False, parse=_boolean)
    connect_result: str = _switch("normal", _one_of("normal", "login_page", "bounce", "no_token", "cancelled"))
    location: str = _switch("relative", _one_of("relative", "absolute"))
    redirect_order: str = _switch("documented", _one_of("documented", "reversed", "shuffled"))
    redirect_type_login: bool = _switch(default=True, parse=_boolean)
    redirect_url: str | None = _switch(None, _text_or_null)
    session_user: str | None = _switch(None, _text_or_null)
    refresh_rotates: bool = _switch(default=True, parse=_boolean)
    attempts: int = _switch(5, _count)
    totp_clock_offset_s: float = _switch(0.0, _number)
    date_offset_s: float = _switch(0.0, _number)
    totp_tolerance: int = _switch(0, _count)
    totp_reuse: str = _switch("refused", _one_of("refused", "allowed"))
    rate_limit_per_s: int = _switch(10, _count)
    quote_limit_per_s: int = _switch(1, _count)
    unlisted_ip: str | None = _switch(None, _text_or_null)

    @property
    def date_ahead(self) -> timedelta:
        """Return how far the Date of an answer is ahead of the sandbox's clock: with the clock that judges codes."""
        return timedelta(seconds=self.totp_clock_offset_s + self.date_offset_s)

    @property
    def flush_time(self) -> time:
        """`flush_at` as a wall time in IST."""
        return time.fromisoformat(self.flush_at)


_PARSERS: dict[str, Callable[[object], Any]] = {item.name: item.metadata["parse"] for item in fields(Switches)}


def parse_overrides(given: Mapping[str, object]) -> dict[str, Any]:
    """Checked values by switch name.

    Raises:
        BadSwitch: with one line for every problem.

    """
    parsed, problems = {}, []
    for name, value in given.items():
        try:
            parsed[name] = _PARSERS[name](value)
        except KeyError:
            problems.append(f"{name}: no such switch")
        except BadSwitch as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise BadSwitch("; ".join(problems))
    return parsed


class SwitchBoard:
    """The global values and their overrides."""

    def __init__(self) -> None:
        self.everywhere = Switches()
        self._by_app: dict[str, dict[str, Any]] = {}
        self._by_account: dict[str, dict[str, Any]] = {}

    def set_everywhere(self, given: Mapping[str, object]) -> None:
        """Move global switches; the others stay."""
        self.everywhere = replace(self.everywhere, **parse_overrides(given))

    def set_for_app(self, api_key: str, given: Mapping[str, object]) -> None:
        """Override switches for an app; the others stay."""
        self._by_app.setdefault(api_key, {}).update(parse_overrides(given))

    def set_for_account(self, client_id: str, given: Mapping[str, object]) -> None:
        """Override switches for an account; the others stay."""
        self._by_account.setdefault(client_id, {}).update(parse_overrides(given))

    def clear_app(self, api_key: str) -> None:
        """Forget an app's overrides."""
        self._by_app.pop(api_key, None)

    def clear_account(self, client_id: str) -> None:
        """Forget an account's overrides."""
        self._by_account.pop(client_id, None)

    def resolve(self, client_id: str | None, api_key: str | None) -> Switches:
        """The values for a call of this account through this app."""
        overrides = {**self._by_app.get(api_key or "", {}), **self._by_account.get(client_id or "", {})}
        return replace(self.everywhere, **overrides) if overrides else self.everywhere
