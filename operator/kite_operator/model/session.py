"""Broker session, and the keys and login factors with which it is made."""

from dataclasses import dataclass, field
from datetime import datetime

from kite_operator.model.expiry import next_flush, session_day
from kite_operator.model.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class AppKeys:
    """The two values of a Kite Connect app, from the Secret that `spec.appSecretRef` names."""

    api_key: Sensitive
    api_secret: Sensitive


@dataclass(frozen=True, slots=True)
class LoginFactors:
    """Both factors of a user's broker login, normalised, from the Secret that `spec.login.totp.secretRef` names."""

    password: Sensitive
    totp_secret: Sensitive


@dataclass(frozen=True, slots=True)
class Session:
    """A session as the broker answered it; `login_time` is aware (IST) and the broker's own value.

    `refresh_token` came with it, for approved platforms only: it is no part of the session, and no pod gets it.
    """

    user_id: str
    api_key: Sensitive
    access_token: Sensitive
    login_time: datetime
    refresh_token: Sensitive | None = field(default=None, compare=False)

    @property
    def expires_at(self) -> datetime:
        """Return the conservative expiry: the first 06:00 IST after the login."""
        return next_flush(self.login_time)

    def is_of_day(self, moment: datetime) -> bool:
        """Return whether no flush lies between this session's login and `moment`."""
        return session_day(self.login_time) >= session_day(moment)
