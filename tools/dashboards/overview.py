"""The overview: which token is good until when, and who has to do something before the market opens."""

from dashboards.parts import (
    BLUE,
    COUNT,
    GREEN,
    GREY,
    MOMENT,
    RATIO,
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
    none_is_well,
    number,
    quantile,
    yes_no,
)

WHICH = '{namespace=~"$namespace", name=~"$name"}'
LOGINS = 'action=~"login|renew|exchange"'
ENDED = 'action="prove", result="published"'
MANY = (
    Variable("namespace", "Namespace", "kite_credential_info", "Namespaces whose credentials are shown."),
    Variable("name", "Credential", 'kite_credential_info{namespace=~"$namespace"}', "Credentials that are shown."),
)

READY = yes_no("ready", "NOT READY")
NEEDED = yes_no("a person", "nobody", yes_is=RED, no_is=GREEN)
EXPIRES = Look(MOMENT, (Step(None, GREY),), (Word(0, "no token", RED),))
LEFT = Look(SPAN, (Step(None, RED), Step(1, YELLOW), Step(3600, GREEN)), (Word(0, "ended", RED),))
COUNTDOWN = Look(SPAN, (Step(None, GREY), Step(0, RED), Step(900, YELLOW), Step(3600, GREEN)))
URGENT = Look(SPAN, (Step(None, RED), Step(900, YELLOW), Step(3600, GREEN)))
FAILURES = Look(COUNT, (Step(None, GREEN), Step(1, YELLOW), Step(3, RED)), decimals=0)
ENTRIES = Look(COUNT, (Step(None, GREEN), Step(1, YELLOW), Step(3, RED)), decimals=0)


def each(metric: str, which: str = WHICH) -> str:
    """The value for each credential, whichever replica tells it."""
    return f"max by (namespace, name) ({metric}{which})"


def overview() -> Dashboard:
    """All credentials at a glance."""
    return Dashboard(
        "kite-operator-overview",
        "Kite / Overview",
        "Which access token is good until when, and what needs a person before the market opens.",
        MANY,
        (_glance(), _tokens(), _refreshes()),
    )


def _glance() -> Row:
    deadline = each("kite_credential_deadline_timestamp_seconds")
    return Row(
        "At a glance",
        (
            number("Credentials", "KiteCredentials that are looked after.", f"count({each('kite_credential_ready')})"),
            number(
                "Not ready",
                "Credentials without a working token, or not in order. Pods that mount their Secret cannot trade.",
                f"sum(1 - {each('kite_credential_ready')})",
                none_is_well(),
                runbook="KiteTokenNotReady",
            ),
            number(
                "A person is needed",
                "Credentials without a working token until somebody logs in, lifts a block or mends something.",
                f"sum({each('kite_credential_person_needed')})",
                none_is_well(),
                runbook="KitePersonNeeded",
            ),
            number(
                "Blocked",
                "Credentials for which nothing is sent to the broker before a person acts.",
                f"sum({each('kite_credential_blocked')})",
                none_is_well(),
                runbook="KiteAccountBlocked",
            ),
            number(
                "Next deadline (not ready)",
                "Time until the first readyBy at which a credential would have no working token. "
                "Empty when all are ready, or all deadlines of today have passed.",
                f"min(({deadline} > time()) - time() and {each('kite_credential_ready')} == 0)",
                URGENT,
                runbook="KiteLoginRequired",
            ),
            number(
                "Deadlines missed",
                "Deadlines that came with no token ready, in the time that is shown, over all namespaces.",
                "sum(increase(kite_operator_deadline_misses_total[$__range]))",
                none_is_well(),
                runbook="KiteTokenNotReady",
            ),
        ),
    )


def _tokens() -> Row:
    expiry = each("kite_credential_token_expiry_timestamp_seconds")
    deadline = each("kite_credential_deadline_timestamp_seconds")
    info = f"max by (namespace, name, mode, reason) (kite_credential_info{WHICH})"
    states = Panel(
        "table",
        "Tokens",
        "Every credential. Times are Indian time. `Deadline in` is for those that are not ready: negative once "
        "readyBy has passed, empty on a day that is not refreshed. A click on a name leads to that credential.",
        (
            Query(each("kite_credential_ready"), column="State", look=READY),
            Query(info),
            Query(f"{expiry} * 1000", column="Good until", look=EXPIRES),
            Query(f"clamp_min({expiry} - time(), 0)", column="Time left", look=LEFT),
            Query(
                f"({deadline} > 0) - time()\n  and {each('kite_credential_ready')} == 0",
                column="Deadline in",
                look=URGENT,
            ),
            Query(each("kite_credential_failures"), column="Failed tries", look=FAILURES),
            Query(each("kite_credential_person_needed"), column="Needs", look=NEEDED),
        ),
        width=24,
        height=9,
        runbook="KiteTokenNotReady",
        labels=("namespace", "name", "mode", "reason"),
    )
    persons = Panel(
        "table",
        "What needs a person",
        "Credentials that wait for somebody, and why. Empty is well. What to do about each reason: "
        "docs/troubleshooting.md.",
        (
            Query(f"{info}\n  and on (namespace, name) {each('kite_credential_person_needed')} == 1"),
            Query(
                f"{each('kite_credential_login_required')}\n  and {each('kite_credential_person_needed')} == 1",
                column="Login",
                look=yes_no("log in by hand", "-", yes_is=YELLOW, no_is=GREY),
            ),
            Query(
                f"{each('kite_credential_blocked')}\n  and {each('kite_credential_person_needed')} == 1",
                column="Block",
                look=yes_no("blocked", "-", yes_is=RED, no_is=GREY),
            ),
            Query(
                f"{each('kite_credential_wrong_entries')}\n  and {each('kite_credential_person_needed')} == 1",
                column="Wrong entries",
                look=ENTRIES,
            ),
        ),
        width=14,
        runbook="KitePersonNeeded",
        labels=("namespace", "name", "mode", "reason"),
    )
    return Row("Tokens", (states, persons, _ready()))


def _ready() -> Panel:
    return Panel(
        "timeseries",
        "Ready and not ready",
        "How many credentials were ready. All of them stop at 06:00 Indian time, and come back from schedule.at on.",
        (
            Query(f"sum({each('kite_credential_ready')})", "ready"),
            Query(f"sum(1 - {each('kite_credential_ready')})", "not ready"),
        ),
        Look(COUNT, (Step(None, BLUE),), decimals=0),
        width=10,
        runbook="KiteTokenNotReady",
    )


def _refreshes() -> Row:
    attempts = "kite_operator_refresh_attempts_total"
    steps = "kite_operator_broker_step_duration_seconds"
    return Row(
        "Refreshes and logins",
        (
            Panel(
                "table",
                "What was done, by result and reason",
                "Logins, renewals and exchanges, and what was published, since the operator was started. "
                "`published` is a refresh that has succeeded; `transient` is tried again by itself.",
                (
                    Query(
                        f'sum by (action, result, reason) ({attempts}{{action=~"login|renew|exchange|prove"}})',
                        column="Times",
                        look=Look(COUNT, (Step(None, BLUE),), decimals=0),
                    ),
                ),
                width=10,
                runbook="KiteRefreshFailing",
                labels=("action", "result", "reason"),
            ),
            Panel(
                "timeseries",
                "Refreshes over time, by result and reason",
                "The same as they came, in each interval. A combination that occurs for the first time since the start "
                "of the operator is seen from its second time on; the table has them all.",
                (
                    Query(
                        f"sum by (action, result, reason) (increase({attempts}{{{LOGINS}}}[$__rate_interval])) > 0",
                        "{{action}}: {{result}} {{reason}}",
                    ),
                    Query(
                        f"sum by (reason) (increase({attempts}{{{ENDED}}}[$__rate_interval])) > 0",
                        "published: {{reason}}",
                    ),
                ),
                Look(COUNT, (Step(None, BLUE),)),
                width=14,
                runbook="KiteRefreshFailing",
                stacked=True,
            ),
            Panel(
                "stat",
                "Steps that succeeded",
                "Calls to the broker that succeeded, of all, for each step, since the operator was started.",
                (
                    Query(
                        'sum by (step) (kite_operator_broker_calls_total{outcome="success"})\n'
                        "  / sum by (step) (kite_operator_broker_calls_total)",
                        "{{step}}",
                    ),
                ),
                Look(RATIO, (Step(None, RED), Step(0.9, YELLOW), Step(0.99, GREEN)), decimals=0),
                width=10,
                runbook="KiteRefreshFailing",
            ),
            Panel(
                "timeseries",
                "Login latency (99th percentile of each step)",
                "How long each call to the broker took, nearly always. A login is preflight, password, totp, connect, "
                "exchange and profile, one after the other.",
                (Query(quantile("0.99", "step", f"{steps}_bucket"), "{{step}}"),),
                Look(SECONDS, (Step(None, GREEN), Step(5, YELLOW), Step(10, RED))),
                width=14,
                runbook="KiteRefreshFailing",
            ),
        ),
    )
