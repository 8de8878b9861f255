"""The one table of refusals: what Kite says, and how well it is known that it says so.

Nobody has published what the login pages answer to a wrong password, a wrong code or a blocked account. Such rows are
marked SYNTHETIC, and rows of which only a part was invented name it in `assumed`: a client must not depend on either.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kite_sandbox.answers import Answer


class Source(StrEnum):
    """The source of a row."""

    DOCS = "Zerodha's documentation or support pages"
    CLIENT = "the official Python client: its exception classes and their default status codes"
    REPORTED = "collected from public reports; the single source was not kept"
    ARTICLE = "a public knowledge-base article"
    COMMUNITY = "community practice"
    SYNTHETIC = "SYNTHETIC: invented for the sandbox"


@dataclass(frozen=True, slots=True)
class Row:
    """One refusal. `message` may hold `{fields}`; `assumed` names what is SYNTHETIC in a row that as a whole is not."""

    name: str
    status: int
    error_type: str
    message: str
    source: Source
    assumed: tuple[str, ...] = ()

    def answer(self, *, status: int | None = None, **fields: object) -> Answer:
        """The row as an error envelope, its message filled with `fields`."""
        return Answer(
            self.name,
            status=status or self.status,
            body=envelope(self.error_type, self.text(**fields)),
        )

    def text(self, **fields: object) -> str:
        """The message filled with `fields`."""
        return self.message.format_map(_Blanks(fields))


class _Blanks(dict[str, object]):
    """A scripted row is sent without a situation to fill it from; its blanks then read as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"


def envelope(error_type: str, message: str) -> dict[str, Any]:
    """Kite's error envelope."""
    return {"status": "error", "message": message, "data": None, "error_type": error_type}


_ROWS = (
    Row("dead_token", 403, "TokenException", "Incorrect `api_key` or `access_token`.", Source.COMMUNITY),
    Row("subscription_lapsed", 403, "TokenException", "Invalid API key or access token.", Source.ARTICLE),
    Row("invalid_token", 403, "TokenException", "Token is invalid or has expired.", Source.REPORTED),
    Row("invalid_checksum", 403, "TokenException", "Invalid `checksum`.", Source.REPORTED, assumed=("status",)),
    Row("missing_parameter", 400, "InputException", "Missing {parameter}", Source.REPORTED),
    Row(
        "user_not_enabled", 400, "InputException", "The user is not enabled for the app.", Source.REPORTED, ("status",)
    ),
    Row(
        "permission_denied",
        403,
        "PermissionException",
        "Insufficient permission for that call.",
        Source.DOCS,
        ("message",),
    ),
    Row(
        "unlisted_ip",
        403,
        "PermissionException",
        "IP ({ip}) is not allowed to place orders for this app.",
        Source.REPORTED,
        ("end of message",),
    ),
    Row("rate_limited", 429, "NetworkException", "Too many requests", Source.REPORTED),
    Row("route_not_found", 404, "GeneralException", "Route not found", Source.REPORTED),
    Row(
        "wrong_app_code",
        403,
        "TwoFAException",
        "Invalid App Code. {remaining} attempt(s) remain.",
        Source.COMMUNITY,
        ("status", "error_type", "end of message"),
    ),
    Row(
        "twofa_unavailable",
        400,
        "TwoFAException",
        "The requested 2FA type is not available",
        Source.COMMUNITY,
        ("status", "error_type"),
    ),
    # The login pages: nothing below is known, except that such situations exist.
    Row("wrong_password", 403, "UserException", "Invalid username or password.", Source.SYNTHETIC),
    Row("wrong_code", 403, "TwoFAException", "Invalid TOTP. {remaining} attempt(s) remain.", Source.SYNTHETIC),
    Row(
        "account_blocked",
        403,
        "UserException",
        "Your account has been blocked. Reset it to continue.",
        Source.SYNTHETIC,
    ),
    Row("unknown_request", 400, "InputException", "Invalid `request_id`.", Source.SYNTHETIC),
    Row("captcha", 403, "UserException", "Please complete the captcha.", Source.SYNTHETIC),
    Row("unknown_api_key", 400, "InputException", "Invalid `api_key`.", Source.SYNTHETIC),
    # The types and codes below are documented; their messages are not. They are sent only when a test scripts them.
    Row("user_failure", 403, "UserException", "The user account has an error.", Source.DOCS, ("status", "message")),
    Row("twofa_failure", 403, "TwoFAException", "The second factor has an error.", Source.DOCS, ("status", "message")),
    Row("order_rejected", 500, "OrderException", "The order was rejected.", Source.CLIENT, ("message",)),
    Row("margin_short", 400, "MarginException", "Insufficient funds.", Source.DOCS, ("status", "message")),
    Row("holding_short", 400, "HoldingException", "Insufficient holdings.", Source.DOCS, ("status", "message")),
    Row("input_refused", 400, "InputException", "Invalid input.", Source.CLIENT, ("message",)),
    Row("method_not_allowed", 405, "GeneralException", "Method not allowed", Source.DOCS, ("error_type", "message")),
    Row("gone", 410, "GeneralException", "The resource is gone.", Source.DOCS, ("error_type", "message")),
    Row("general_failure", 500, "GeneralException", "Something went wrong.", Source.CLIENT, ("message",)),
    Row("oms_bad_answer", 502, "DataException", "The order system gave a bad response.", Source.CLIENT, ("message",)),
    Row("oms_unreachable", 503, "NetworkException", "The order system cannot be reached.", Source.CLIENT, ("message",)),
    Row("gateway_timeout", 504, "NetworkException", "Gateway timed out", Source.DOCS, ("error_type", "message")),
)

ROWS: dict[str, Row] = {row.name: row for row in _ROWS}


class Refusal(Exception):
    """Ends an action of the core with a row of the table."""

    def __init__(self, name: str, *, outcome: str | None = None, status: int | None = None, **fields: object) -> None:
        super().__init__(name)
        self._row = ROWS[name]
        self._outcome = outcome or name
        self._status = status
        self._fields = fields

    @property
    def message(self) -> str:
        """Return what the envelope or the page says."""
        return self._row.text(**self._fields)

    def answer(self) -> Answer:
        """The envelope to send."""
        rendered = self._row.answer(status=self._status, **self._fields)
        return Answer(self._outcome, status=rendered.status, body=rendered.body)
