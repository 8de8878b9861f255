"""Driver and gate of the attempt ledger: submissions are reserved, checked, sent and settled in order (P1)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from kite_operator.broker.verdicts import answer_lost, unreachable
from kite_operator.broker.webdriver import LoginHooks, run_login
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerError, OperatorError, ReservationLost, ReservationRefused, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import (
    CODE,
    LOGIN,
    NOW,
    REQUEST_TOKEN,
    FakeClock,
    RecordingGate,
    ScriptedTransport,
    answer,
    code_accepted,
    happy_answers,
    login_page,
    password_accepted,
    redirect,
    refusal,
)

HAPPY = [
    "send preflight",
    "reserve password",
    "check",
    "check",
    "send password",
    "settle password accepted",
    "reserve code",
    "check",
    "check",
    "send totp",
    "settle totp accepted",
    "send connect",
    "send connect",
]


async def drive(
    script: list[HttpResponse | BaseException], gate: RecordingGate | None = None, hooks: LoginHooks | None = None
) -> tuple[list[str], Sensitive | BaseException]:
    """Return the common journal of gate and transport, and the result."""
    gate = gate or RecordingGate()
    transport = ScriptedTransport(script, journal=gate.journal)
    try:
        token = await run_login(LOGIN, gate=gate, transport=transport, clock=FakeClock(), hooks=hooks)
    except (OperatorError, asyncio.CancelledError, RuntimeError) as error:
        return gate.journal, error
    return gate.journal, token


async def test_each_submission_is_reserved_checked_sent_and_settled() -> None:
    assert (HAPPY, Sensitive(REQUEST_TOKEN)) == await drive([*happy_answers()])


async def test_the_gate_gets_the_clock_offset_of_the_preflight_before_the_password() -> None:
    offsets: list[ClockOffset | None] = []
    for headers in ({"Date": "Mon, 02 Mar 2026 02:03:30 GMT"}, {}):
        gate = RecordingGate()
        page = replace(answer(200, "<html></html>", headers), asked_at=NOW)
        later = replace(password_accepted(), headers={"date": "Mon, 02 Mar 2026 02:05:00 GMT"}, asked_at=NOW)
        await drive([page, later, *happy_answers()[2:]], gate)
        offsets.append(gate.offset)
    assert [ClockOffset(89.5, 0.5), None] == offsets


@pytest.mark.parametrize(
    ("script", "settled", "reason"),
    [
        ([refusal(403, "UserException")], ["password wrong"], Reason.PASSWORD_REJECTED),
        ([answer(429, "")], ["password unsent"], Reason.RATE_LIMITED),
        ([unreachable(Step.PASSWORD)], ["password unsent"], Reason.BROKER_UNREACHABLE),
        ([answer_lost(Step.PASSWORD)], ["password unknown"], Reason.ATTEMPT_OUTCOME_UNKNOWN),
        ([answer(502, "<html>")], ["password unknown"], Reason.ATTEMPT_OUTCOME_UNKNOWN),
        ([password_accepted(twofa_types=[], twofa_type="sms")], ["password accepted"], Reason.TWO_FACTOR_UNSUPPORTED),
        ([password_accepted(user_id="ZZ9999")], ["password accepted"], Reason.WRONG_ACCOUNT),
        ([password_accepted(request_id=None)], ["password accepted"], Reason.UNEXPECTED_ANSWER),
        (
            [password_accepted(), refusal(403, "TwoFAException")],
            ["password accepted", "totp wrong"],
            Reason.TOTP_REJECTED,
        ),
        (
            [password_accepted(), answer_lost(Step.TOTP)],
            ["password accepted", "totp unknown"],
            Reason.ATTEMPT_OUTCOME_UNKNOWN,
        ),
        (
            [password_accepted(), unreachable(Step.TOTP)],
            ["password accepted", "totp unsent"],
            Reason.BROKER_UNREACHABLE,
        ),
        (
            [password_accepted(), code_accepted(), login_page()],
            ["password accepted", "totp accepted"],
            Reason.LOGIN_NOT_COMPLETED,
        ),
    ],
)
async def test_every_reservation_is_settled_once_with_the_known_outcome(
    script: list[HttpResponse | BaseException], settled: list[str], reason: Reason
) -> None:
    journal, error = await drive([login_page(), *script])

    assert isinstance(error, BrokerError)
    assert (settled, reason) == ([entry[7:] for entry in journal if entry.startswith("settle")], error.reason)


async def test_a_refused_password_reservation_sends_nothing() -> None:
    refused = ReservationRefused(Reason.ATTEMPT_BUDGET_EXHAUSTED, "no attempt is left")

    assert (["send preflight"], refused) == await drive(
        [login_page()], RecordingGate(refusals={"reserve password": refused})
    )


async def test_a_refused_code_reservation_ends_the_login_after_the_settled_password() -> None:
    refused = ReservationRefused(Reason.ATTEMPT_BUDGET_EXHAUSTED, "no attempt is left")

    assert (HAPPY[:6], refused) == await drive([*happy_answers()], RecordingGate(refusals={"reserve code": refused}))


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        (0, ["send preflight", "reserve password", "settle password unsent"]),
        (1, ["send preflight", "reserve password", "check", "settle password unsent"]),
        (2, [*HAPPY[:7], "settle totp unsent"]),
        (3, [*HAPPY[:8], "settle totp unsent"]),
    ],
)
async def test_a_lost_reservation_is_noticed_before_the_send_and_settled_as_unsent(
    checks: int, expected: list[str]
) -> None:
    lost = ReservationLost("another process took over")
    gate = RecordingGate(refusals={"lost": lost}, checks_left=checks)

    assert (expected, lost) == await drive([*happy_answers()], gate)


@pytest.mark.parametrize("position", [1, 2])
async def test_a_cancelled_submission_stays_pending(position: int) -> None:
    script: list[HttpResponse | BaseException] = [*happy_answers()]
    script[position] = asyncio.CancelledError()
    journal, error = await drive(script)

    assert isinstance(error, asyncio.CancelledError)
    assert ["reserve password", "reserve code"][position - 1] in journal
    assert position - 1 == len([entry for entry in journal if entry.startswith("settle")])


async def test_an_unforeseen_error_of_the_transport_counts_as_unknown() -> None:
    journal, error = await drive([login_page(), RuntimeError("a bug")])

    assert isinstance(error, RuntimeError)
    assert journal[-1] == "settle password unknown"


async def test_a_ledger_that_cannot_settle_ends_the_login() -> None:
    failure = ReservationLost("the ledger has moved on")
    gate = RecordingGate(refusals={"settle password accepted": failure})

    assert (HAPPY[:5], failure) == await drive([*happy_answers()], gate)


async def test_the_hooks_stand_at_the_named_points() -> None:
    gate = RecordingGate()

    async def note(point: str) -> None:
        gate.journal.append(f"at {point}")

    journal, _ = await drive([*happy_answers()], gate, LoginHooks(on_step=note))

    assert journal == [
        "send preflight",
        "reserve password",
        "at before-password-send",
        "check",
        "check",
        "send password",
        "at after-password-answer",
        "settle password accepted",
        "reserve code",
        "at before-totp-send",
        "check",
        "check",
        "send totp",
        "at after-totp-answer",
        "settle totp accepted",
        "send connect",
        "send connect",
        "at after-request-token",
    ]


@pytest.mark.parametrize(
    ("point", "journal"),
    [
        ("before-password-send", HAPPY[:2]),
        ("after-password-answer", HAPPY[:5]),
        ("before-totp-send", HAPPY[:7]),
        ("after-totp-answer", HAPPY[:10]),
        ("after-request-token", HAPPY),
    ],
)
async def test_a_crash_at_a_named_point_leaves_the_reservation_pending(point: str, journal: list[str]) -> None:
    async def crash(at: str) -> None:
        if at == point:
            raise RuntimeError("a crash")

    left, error = await drive([*happy_answers()], hooks=LoginHooks(on_step=crash))

    assert (journal, True) == (left, isinstance(error, RuntimeError))


class SlowTransport(ScriptedTransport):
    """Transport whose every answer takes two seconds of the clock."""

    clock: FakeClock

    async def send(self, request: HttpRequest, *, before_write: Callable[[], None]) -> HttpResponse:
        self.clock.boot += 2.0
        return await super().send(request, before_write=before_write)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            happy_answers(),
            [
                (Step.PREFLIGHT, "success", 2.0),
                (Step.PASSWORD, "success", 2.0),
                (Step.TOTP, "success", 2.0),
                (Step.CONNECT, "success", 2.0),
                (Step.CONNECT, "success", 2.0),
            ],
        ),
        (
            [login_page(), refusal(403, "X")],
            [(Step.PREFLIGHT, "success", 2.0), (Step.PASSWORD, "PasswordRejected", 2.0)],
        ),
        ([unreachable(Step.PREFLIGHT)], [(Step.PREFLIGHT, "BrokerUnreachable", 2.0)]),
        ([asyncio.CancelledError()], [(Step.PREFLIGHT, "aborted", 2.0)]),
    ],
)
async def test_every_request_is_observed_with_its_outcome_and_duration(
    script: list[HttpResponse | BaseException], expected: list[tuple[Step, str, float]]
) -> None:
    observed: list[tuple[Step, str, float]] = []
    clock = FakeClock()
    transport = SlowTransport(list(script))
    transport.clock = clock
    hooks = LoginHooks(observe=lambda *seen: observed.append(seen))
    try:
        await run_login(LOGIN, gate=RecordingGate(), transport=transport, clock=clock, hooks=hooks)
    except (BrokerError, asyncio.CancelledError):
        assert expected[-1][1] != "success"

    assert expected == observed


async def test_the_code_of_the_gate_is_what_is_sent() -> None:
    transport = ScriptedTransport([*happy_answers()])
    await run_login(LOGIN, gate=RecordingGate(), transport=transport, clock=FakeClock())

    assert (transport.sent[2].form or {})["twofa_value"] == CODE


DOWN = answer(503, "<html>")


@pytest.mark.parametrize(
    ("failing", "sends"), [([DOWN], 3), ([DOWN, DOWN], 4), ([redirect("/connect/finish?sess_id=s0"), DOWN], 4)]
)
async def test_an_apps_login_with_a_transient_error_is_retried_without_another_code(
    failing: list[HttpResponse | BaseException], sends: int
) -> None:
    journal, ended = await drive([*happy_answers()[:3], *failing, *happy_answers()[3:]])
    assert (Sensitive(REQUEST_TOKEN), sends) == (ended, journal.count("send connect"))
    assert (1, 1) == (journal.count("send password"), journal.count("send totp"))


@pytest.mark.parametrize(
    ("failing", "sends"),
    [
        ([DOWN, DOWN, DOWN], 3),
        ([answer(429, "", {"Retry-After": "60"})], 1),
        ([login_page()], 1),
        ([refusal(400, "InputException")], 1),
    ],
)
async def test_the_apps_login_is_given_up_after_three_tries_and_at_once_when_a_retry_cannot_help(
    failing: list[HttpResponse | BaseException], sends: int
) -> None:
    journal, ended = await drive([*happy_answers()[:3], *failing])
    assert isinstance(ended, BrokerError)
    assert (Step.CONNECT, sends) == (ended.step, journal.count("send connect"))


async def test_no_further_retry_begins_late_in_a_login() -> None:
    gate = RecordingGate()
    transport = ScriptedTransport([*happy_answers()[:3], DOWN, DOWN], journal=gate.journal)
    with pytest.raises(BrokerError):
        await run_login(LOGIN, gate=gate, transport=transport, clock=FakeClock(step_per_reading=9.0))
    assert 1 == gate.journal.count("send connect")


async def test_a_step_before_the_apps_login_is_never_repeated() -> None:
    journal, ended = await drive([DOWN, *happy_answers()])
    assert isinstance(ended, BrokerError)
    assert ["send preflight"] == journal
