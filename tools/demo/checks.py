"""Checks of what the cluster, the metrics and Kite show: pure functions, each raises NotVerified."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from prometheus_client.parser import text_string_to_metric_families

from demo.errors import NotVerified
from kite_operator.model.sensitive import Sensitive

DERIVED_KEYS: Final = ("access_token", "api_key", "expires_at", "user_id")
HOPELESS: Final = (
    "Invalid",
    "InvalidSpec",
    "NotFound",
    "Unwritable",
    "NotOwned",
    "Required",
    "Blocked",
    "Rejected",
    "Suspended",
)
"""Ends of reasons that do not pass by themselves."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a KiteCredential, as far as the demo checks it."""

    ready: bool
    reason: str
    message: str
    user_id: str
    expires: datetime | None
    next_refresh: datetime | None
    last_refresh: datetime | None

    @classmethod
    def of(cls, manifest: Mapping[str, Any] | None) -> Self:
        """From the object as the API server stores it; the status may be empty still."""
        status = (manifest or {}).get("status") or {}
        conditions = {each["type"]: each for each in status.get("conditions") or ()}
        ready = conditions.get("Ready", {})
        return cls(
            ready=ready.get("status") == "True",
            reason=ready.get("reason", ""),
            message=ready.get("message", ""),
            user_id=status.get("userID", ""),
            expires=_time(status.get("expiresTime")),
            next_refresh=_time(status.get("nextRefreshTime")),
            last_refresh=_time(status.get("lastRefreshTime")),
        )

    @property
    def is_hopeless(self) -> bool:
        """Return whether somebody has to act before it can become ready."""
        return not self.ready and self.reason.endswith(HOPELESS)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived Secret's contents."""

    api_key: Sensitive
    access_token: Sensitive
    user_id: str
    sizes: Mapping[str, int]

    @classmethod
    def of(cls, secret: Mapping[str, Any] | None) -> Self:
        """From the Secret; NotVerified when it is missing or its keys are not exactly the documented ones."""
        data = (secret or {}).get("data") or {}
        expect(tuple(sorted(data)), DERIVED_KEYS, "the derived Secret's keys")
        values = {key: base64.b64decode(value).decode() for key, value in data.items()}
        return cls(
            Sensitive(values["api_key"]),
            Sensitive(values["access_token"]),
            values["user_id"],
            {key: len(value) for key, value in sorted(values.items())},
        )

    def holds(self, secret: Sensitive) -> bool:
        """Return whether any of its values contains this text."""
        return any(secret.reveal() in value for value in (self.api_key.reveal(), self.access_token.reveal()))

    def masked(self) -> str:
        """Its keys with the length of each value in place of the value."""
        width = max(map(len, self.sizes))
        return "\n".join(f"{key:<{width}}  ********  ({size} bytes)" for key, size in self.sizes.items())


def expect(seen: object, expected: object, what: str) -> None:
    """NotVerified unless they are equal; only for values that may be shown."""
    if seen != expected:
        raise NotVerified(f"{what}: expected {expected}, seen {seen}")


def require(*, truth: bool, otherwise: str) -> None:
    """NotVerified with these words unless it is true."""
    if not truth:
        raise NotVerified(otherwise)


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer of /metrics."""

    text: str

    def lines(self, names: Iterable[str], /, **labels: str) -> list[str]:
        """The sample lines of these metrics that carry these labels, as they were exposed."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return [
            line
            for name in names
            for line in self.text.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(each in line for each in wanted)
        ]

    def value(self, name: str, /, **labels: str) -> float:
        """The one sample with these labels; NotVerified when there is none, or more than one."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        expect(len(found), 1, f"samples of {name}")
        return float(found[0])


def require_metrics(scrape: Scrape, standing: Standing, namespace: str, name: str) -> None:
    """The gauges of one healthy credential say what its status says."""
    labels = {"namespace": namespace, "name": name}
    for gauge, value in (("ready", 1), ("authenticated", 1), ("blocked", 0), ("login_required", 0), ("failures", 0)):
        expect(scrape.value(f"kite_credential_{gauge}", **labels), float(value), f"kite_credential_{gauge}")
    for gauge, moment in (
        ("token_expiry", standing.expires),
        ("last_success", standing.last_refresh),
        ("next_refresh", standing.next_refresh),
    ):
        metric = f"kite_credential_{gauge}_timestamp_seconds"
        seconds = moment.timestamp() if moment is not None else 0.0
        require(truth=abs(scrape.value(metric, **labels) - seconds) < 1, otherwise=f"{metric} differs from the status")


def require_reasons(events: Sequence[Mapping[str, Any]], reason: str, count: int) -> None:
    """Exactly `count` Events with the reason, and no Warning among all."""
    expect(sum(each["reason"] == reason for each in events), count, f"Events {reason}")
    expect([each["reason"] for each in events if each["type"] == "Warning"], [], "Events of type Warning")
