"""One credential: what it is, what it waits for, and how it got there."""

from dashboards.overview import COUNTDOWN, ENTRIES, EXPIRES, FAILURES, LEFT, READY
from dashboards.parts import (
    BLUE,
    COUNT,
    GREEN,
    GREY,
    MOMENT,
    RED,
    SECONDS,
    SPAN,
    YELLOW,
    Dashboard,
    Look,
    Panel,
    Query,
    Row,
    Step,
    Variable,
    Word,
    number,
    yes_no,
)

WHICH = '{namespace="$namespace", name="$name"}'
TRUE_FALSE = yes_no("yes", "no", yes_is=BLUE, no_is=GREY)


def credential() -> Dashboard:
    """Everything that is known of one."""
    return Dashboard(
        "kite-operator-credential",
        "Kite / Credential",
        "One KiteCredential: its token, its deadline, what stands in the way, and how it got there.",
        (
            Variable("namespace", "Namespace", "kite_credential_info", "The credential's namespace.", several=False),
            Variable(
                "name",
                "Credential",
                'kite_credential_info{namespace="$namespace"}',
                "The KiteCredential's name.",
                several=False,
            ),
        ),
        (_now(), _times(), _history()),
    )


def _one(metric: str) -> str:
    return f"max(kite_credential_{metric}{WHICH})"


def _now() -> Row:
    info = f"max by (mode, reason) (kite_credential_info{WHICH})"
    return Row(
        "Now",
        (
            number(
                "State",
                "Whether it is in order and its token is alive (condition Ready).",
                _one("ready"),
                READY,
                runbook="KiteTokenNotReady",
            ),
            _text(
                "Reason",
                "reason",
                "Why it is in this state; each reason has an entry in docs/troubleshooting.md.",
                info,
            ),
            _text("Login mode", "mode", "How it comes to a token: Manual, TOTP or RefreshToken.", info),
            number(
                "Login by a person",
                "Whether somebody has to log in by hand (condition LoginRequired).",
                _one("login_required"),
                yes_no("awaited", "no", yes_is=YELLOW, no_is=GREEN),
                runbook="KiteLoginRequired",
            ),
            number(
                "Block",
                "Whether nothing is sent to the broker before a person acts (condition Blocked).",
                _one("blocked"),
                yes_no("BLOCKED", "no", yes_is=RED, no_is=GREEN),
                runbook="KiteAccountBlocked",
            ),
            number(
                "Rollout",
                "Whether something stands in the way of a restart that spec.rollout asks for.",
                _one("rollout_hindered"),
                yes_no("hindered", "no trouble", yes_is=YELLOW, no_is=GREEN),
                runbook="KiteRolloutHindered",
            ),
        ),
    )


def _text(title: str, label: str, description: str, expr: str) -> Panel:
    return Panel("stat", title, description, (Query(expr),), Look("string"), width=4, height=4, shows=label)


def _times() -> Row:
    expiry, deadline = _one("token_expiry_timestamp_seconds"), _one("deadline_timestamp_seconds")
    return Row(
        "Times (Indian time)",
        (
            number(
                "Good until",
                "The conservative expiry of the published token: 06:00 Indian time.",
                f"{expiry} * 1000",
                EXPIRES,
                runbook="KiteTokenExpired",
            ),
            number(
                "Time left",
                "Until the published token ends.",
                f"clamp_min({expiry} - time(), 0)",
                LEFT,
                runbook="KiteTokenExpired",
            ),
            number(
                "Deadline in",
                "Until today's readyBy; negative once it has passed, empty on a day that is not refreshed.",
                f"({deadline} > 0) - time()",
                COUNTDOWN,
                runbook="KiteTokenNotReady",
            ),
            number(
                "Last new token",
                "When a new token was last proven and published.",
                f"{_one('last_success_timestamp_seconds')} * 1000",
                Look(MOMENT, (Step(None, GREY),), (Word(0, "never", YELLOW),)),
                runbook="KiteRefreshFailing",
            ),
            number(
                "Next refresh",
                "When the next refresh is scheduled; none while it waits for a person.",
                f"{_one('next_refresh_timestamp_seconds')} * 1000",
                Look(MOMENT, (Step(None, GREY),), (Word(0, "none", YELLOW),)),
                runbook="KiteRefreshFailing",
            ),
            number(
                "Probe interval",
                "How often the published token is probed: spec.probe.interval, stretched when many share an app.",
                _one("probe_interval_seconds"),
                Look(SECONDS, (Step(None, GREY),)),
            ),
        ),
    )


def _history() -> Row:
    states = ("ready", "authenticated", "login_required", "blocked", "person_needed")
    return Row(
        "How it got there",
        (
            Panel(
                "state-timeline",
                "Conditions",
                "What was true when: ready and authenticated should be, the others should not.",
                tuple(Query(_one(each), each.replace("_", " ")) for each in states),
                TRUE_FALSE,
                runbook="KiteTokenNotReady",
            ),
            Panel(
                "state-timeline",
                "Reasons",
                "The reason of the condition Ready over time.",
                (Query(f"max by (reason) (kite_credential_info{WHICH})", "{{reason}}"),),
                yes_no("", "", yes_is=BLUE, no_is=GREY),
                runbook="KiteRefreshFailing",
            ),
            Panel(
                "timeseries",
                "Failed tries in a row",
                "Since the last published token. An alert comes at 3.",
                (Query(_one("failures"), "failed tries"),),
                FAILURES,
                width=8,
                runbook="KiteRefreshFailing",
            ),
            Panel(
                "timeseries",
                "Wrong entries and their limit",
                "Wrong or unanswered passwords and codes that are counted for the account since the last completed "
                "login. At the limit the operator submits nothing more; Kite blocks an account at 5.",
                (Query(_one("wrong_entries"), "wrong entries"), Query(_one("wrong_entries_limit"), "limit")),
                Look(COUNT, ENTRIES.steps, decimals=0),
                width=8,
                runbook="KiteLoginBudgetNearlyUsed",
            ),
            Panel(
                "timeseries",
                "Time left of the token",
                "It falls until 06:00 Indian time, and rises with each new token.",
                (Query(f"clamp_min({_one('token_expiry_timestamp_seconds')} - time(), 0)", "time left"),),
                Look(SPAN, (Step(None, RED), Step(1, YELLOW), Step(3600, GREEN))),
                width=8,
                runbook="KiteTokenExpired",
            ),
        ),
    )
