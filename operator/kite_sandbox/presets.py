"""Faults by name: every row of the error table, and the answers that trip up real clients."""

from dataclasses import dataclass

from kite_sandbox.answers import HTML, Answer
from kite_sandbox.error_table import ROWS, envelope
from kite_sandbox.faults import Edit, When
from kite_sandbox.pages import Errand, gateway_page, login_page

SLOWER_THAN_CLIENT_S = 8.0
"""The official client gives up after 7 seconds."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The parts of a Fault that its name stands for."""

    when: When = When.BEFORE
    answer: Answer | None = None
    edit: Edit | None = None
    delay_s: float = 0.0
    reset_mid_body: bool = False


def _page(status: int) -> Preset:
    return Preset(answer=Answer("faulted", status, gateway_page(status), HTML))


def _too_many(*headers: tuple[str, str]) -> Preset:
    row = ROWS["rate_limited"]
    return Preset(answer=Answer("faulted", row.status, envelope(row.error_type, row.message), headers=headers))


def _json(status: int, body: dict[str, object]) -> Preset:
    return Preset(answer=Answer("faulted", status, body))


def _edited(edit: Edit) -> Preset:
    return Preset(when=When.AFTER, edit=edit)


PRESETS: dict[str, Preset] = {
    **{name: Preset(answer=row.answer()) for name, row in ROWS.items()},
    "html_403": _page(403),
    "html_429": _page(429),
    "html_502": _page(502),
    "html_503": _page(503),
    "html_login_page": Preset(answer=Answer("faulted", 200, login_page(Errand()), HTML)),
    "too_many_requests": _too_many(),
    "too_many_requests_retry_after": _too_many(("Retry-After", "2")),
    "missing_error_type": _json(500, {"status": "error", "message": "Something went wrong.", "data": None}),
    "missing_message": _json(500, {"status": "error", "data": None, "error_type": "GeneralException"}),
    "unknown_error_type": _json(500, envelope("SurpriseException", "Something new.")),
    "not_json": Preset(answer=Answer("faulted", 200, "this is {not JSON")),
    "empty_body": Preset(answer=Answer("faulted", 200, "")),
    "missing_content_type": _edited(Edit(without_content_type=True)),
    "missing_login_time": _edited(Edit(remove=("data.login_time",))),
    "empty_access_token": _edited(Edit(assign={"data.access_token": ""})),
    "missing_access_token": _edited(Edit(remove=("data.access_token",))),
    "other_user": _edited(Edit(assign={"data.user_id": "ZZ0000"})),
    "missing_user_id": _edited(Edit(remove=("data.user_id",))),
    "slow": Preset(when=When.AFTER, delay_s=SLOWER_THAN_CLIENT_S),
    "reset_mid_body": Preset(when=When.AFTER, reset_mid_body=True),
    "lost_answer": Preset(when=When.AFTER, answer=Answer("faulted", 502, gateway_page(502), HTML)),
}
