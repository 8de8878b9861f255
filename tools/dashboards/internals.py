"""The operator itself: does it turn, does it keep up, do the API server and the broker answer."""

from dashboards.parts import (
    BLUE,
    BYTES,
    COUNT,
    GREEN,
    GREY,
    MOMENT,
    PER_SECOND,
    RED,
    SECONDS,
    YELLOW,
    Dashboard,
    Look,
    Panel,
    Query,
    Row,
    Step,
    Variable,
    none_is_well,
    number,
    quantile,
    yes_no,
)

WHICH = '{job=~"$job", instance=~"$instance"}'
RATE = "$__rate_interval"
CALM = Look(COUNT, (Step(None, BLUE),), decimals=0)
OCCASIONS = Look(COUNT, (Step(None, BLUE),))


def internals() -> Dashboard:
    """For whoever runs the operator."""
    return Dashboard(
        "kite-operator-internals",
        "Kite / Operator internals",
        "The operator itself: does it turn, does it keep up, do the API server and the broker answer.",
        (
            Variable("job", "Job", "kite_operator_build_info", "The scrape jobs that find the operator."),
            Variable("instance", "Replica", 'kite_operator_build_info{job=~"$job"}', "The replicas that are shown."),
        ),
        (_life(), _work(), _kubernetes(), _broker(), _people(), _process()),
        since="now-6h",
    )


def _each(metric: str) -> str:
    return f"max by (instance) ({metric}{WHICH})"


def _sum(metric: str, by: str, window: str = RATE) -> str:
    return f"sum by ({by}) (increase({metric}{WHICH}[{window}]))"


def _age(warn: float, bad: float) -> Look:
    return Look(SECONDS, (Step(None, GREEN), Step(warn, YELLOW), Step(bad, RED)), decimals=0)


def _life() -> Row:
    progress, listed = "kite_operator_last_progress_timestamp_seconds", "kite_operator_last_list_timestamp_seconds"
    return Row(
        "Life",
        (
            Panel(
                "table",
                "Replicas",
                "Every replica that Prometheus sees. Exactly one should lead; the others stand by.",
                (
                    Query(f"max by (instance, version) (kite_operator_build_info{WHICH})"),
                    Query(
                        _each("kite_operator_leader"),
                        column="Leads",
                        look=yes_no("leads", "stands by", no_is=GREY),
                    ),
                    Query(_each("kite_operator_watch_up"), column="Watches", look=yes_no("run", "DO NOT RUN")),
                    Query(f"time() - {_each(progress)}", column="Since it turned", look=_age(60, 120)),
                    Query(f"time() - {_each(listed)}", column="Since it listed", look=_age(600, 900)),
                    Query(
                        _each("kite_operator_refused_namespaces"),
                        column="Namespaces refused",
                        look=none_is_well(YELLOW),
                    ),
                    Query(
                        f"max by (instance) (changes(process_start_time_seconds{WHICH}[$__range]))",
                        column="Restarts",
                        look=none_is_well(YELLOW),
                    ),
                ),
                width=16,
                height=6,
                runbook="KiteOperatorStalled",
                labels=("instance", "version"),
            ),
            Panel(
                "stat",
                "Replicas that lead",
                "How many do the work. 0: nobody refreshes anything. 2 for longer than a moment: two installs, or two "
                "replicas without --leader-lease.",
                (Query(f"sum({_each('kite_operator_leader')})"),),
                Look(COUNT, (Step(None, RED), Step(1, GREEN), Step(2, YELLOW)), decimals=0),
                width=4,
                height=6,
                runbook="KiteOperatorWithoutLeader",
            ),
            Panel(
                "stat",
                "Restarts of the watches",
                "How often the watches had to be started again, in the time that is shown.",
                (Query(f"sum(increase(kite_operator_watch_restarts_total{WHICH}[$__range]))"),),
                none_is_well(YELLOW),
                width=4,
                height=6,
                runbook="KiteOperatorWatchDown",
            ),
            Panel(
                "state-timeline",
                "Who leads",
                "Which replica did the work when. A gap is a time in which nobody refreshed anything.",
                (Query(_each("kite_operator_leader"), "{{instance}}"),),
                yes_no("leads", "stands by", no_is=GREY),
                width=24,
                height=5,
                runbook="KiteOperatorWithoutLeader",
            ),
        ),
    )


def _work() -> Row:
    lag = quantile("0.99", "instance", f"kite_operator_event_loop_lag_seconds_bucket{WHICH}")
    return Row(
        "Work",
        (
            Panel(
                "timeseries",
                "Waiting and worked on",
                "Credentials that are due and wait for a worker, and those that are worked on (at most --workers).",
                (
                    Query(f"sum(kite_operator_queue_depth{WHICH})", "waiting"),
                    Query(f"sum(kite_operator_busy_workers{WHICH})", "worked on"),
                ),
                CALM,
                width=8,
                runbook="KiteOperatorScheduleLag",
            ),
            Panel(
                "timeseries",
                "Schedule lag",
                "How long the credential that is most overdue has been waiting. An alert comes at five minutes.",
                (Query(_each("kite_operator_schedule_lag_seconds"), "{{instance}}"),),
                Look(SECONDS, (Step(None, GREEN), Step(60, YELLOW), Step(300, RED))),
                width=8,
                runbook="KiteOperatorScheduleLag",
            ),
            Panel(
                "timeseries",
                "Event loop lag (99th percentile)",
                "How much later than asked for the event loop wakes a task. Above a second: too little processor time.",
                (Query(lag, "{{instance}}"),),
                Look(SECONDS, (Step(None, GREEN), Step(0.5, YELLOW), Step(1, RED))),
                width=8,
                runbook="KiteOperatorScheduleLag",
            ),
            Panel(
                "timeseries",
                "Credentials whose last pass failed",
                "What their gauges show is as old as that. The log names credential and error.",
                (Query(_each("kite_operator_failing_credentials"), "{{instance}}"),),
                none_is_well(),
                width=8,
                runbook="KiteOperatorReconcileErrors",
            ),
            Panel(
                "timeseries",
                "Errors of passes, by kind",
                "Passes over a credential that ended in an error. Empty is well.",
                (Query(_sum("kite_operator_reconcile_errors_total", "kind"), "{{kind}}"),),
                none_is_well(),
                width=8,
                runbook="KiteOperatorReconcileErrors",
            ),
            Panel(
                "timeseries",
                "What was done, by action and result",
                "Everything towards a fresh token, probes too: docs/monitoring.md has the words.",
                (
                    Query(
                        _sum("kite_operator_refresh_attempts_total", "action, result") + " > 0",
                        "{{action}}: {{result}}",
                    ),
                ),
                OCCASIONS,
                width=8,
                runbook="KiteRefreshFailing",
                stacked=True,
            ),
        ),
    )


def _kubernetes() -> Row:
    requests = "kite_operator_kubernetes_requests_total"
    failed = 'job=~"$job", instance=~"$instance", code=~"0|401|403|429|5.."'
    slow = f"kite_operator_kubernetes_request_duration_seconds_bucket{WHICH}"
    return Row(
        "Kubernetes API",
        (
            Panel(
                "timeseries",
                "Requests by status",
                "Without the watches. 0 is no answer; 404 and 409 belong to the normal course.",
                (Query(f"sum by (code) (rate({requests}{WHICH}[{RATE}]))", "{{code}}"),),
                Look(PER_SECOND, (Step(None, BLUE),)),
                width=8,
                runbook="KiteOperatorKubernetesErrors",
                stacked=True,
            ),
            Panel(
                "timeseries",
                "Failed requests",
                "By what was asked for. Empty is well. 403 is a missing right.",
                (
                    Query(
                        f"sum by (verb, resource, code) (rate({requests}{{{failed}}}[{RATE}]))",
                        "{{verb}} {{resource}}: {{code}}",
                    ),
                ),
                Look(PER_SECOND, (Step(None, RED),)),
                width=8,
                runbook="KiteOperatorKubernetesErrors",
            ),
            Panel(
                "timeseries",
                "Latency (99th percentile)",
                "How long the requests took, failed ones too.",
                (Query(quantile("0.99", "verb, resource", slow), "{{verb}} {{resource}}"),),
                Look(SECONDS, (Step(None, GREEN), Step(1, YELLOW), Step(5, RED))),
                width=8,
                runbook="KiteOperatorKubernetesErrors",
            ),
        ),
    )


def _broker() -> Row:
    calls = "kite_operator_broker_calls_total"
    steps = "kite_operator_broker_step_duration_seconds"
    return Row(
        "Broker",
        (
            Panel(
                "timeseries",
                "Calls by step",
                "Calls to the broker. The operator keeps to 3 a second for each app.",
                (Query(f"sum by (step) (rate({calls}{WHICH}[{RATE}]))", "{{step}}"),),
                Look(PER_SECOND, (Step(None, BLUE),)),
                width=8,
                runbook="KiteRefreshFailing",
                stacked=True,
            ),
            Panel(
                "timeseries",
                "Calls that did not succeed, by outcome",
                "The outcome is a reason of docs/troubleshooting.md, or `aborted`.",
                (
                    Query(
                        f"sum by (step, outcome) (increase({calls}"
                        f'{{job=~"$job", instance=~"$instance", outcome!="success"}}[{RATE}]))',
                        "{{step}}: {{outcome}}",
                    ),
                ),
                OCCASIONS,
                width=8,
                runbook="KiteRefreshFailing",
            ),
            Panel(
                "timeseries",
                "Mean duration by step",
                "How long the broker takes for each step.",
                (
                    Query(
                        f"sum by (step) (rate({steps}_sum{WHICH}[{RATE}]))\n"
                        f"  / sum by (step) (rate({steps}_count{WHICH}[{RATE}]))",
                        "{{step}}",
                    ),
                ),
                Look(SECONDS, (Step(None, GREEN), Step(5, YELLOW), Step(10, RED))),
                width=8,
                runbook="KiteRefreshFailing",
            ),
            Panel(
                "timeseries",
                "Clock ahead of the broker's",
                "Negative: behind. Codes bear 20 seconds; an alert comes at 5.",
                (Query(f"max by (instance) (kite_operator_broker_clock_offset_seconds{WHICH})", "{{instance}}"),),
                Look(SECONDS, (Step(None, RED), Step(-5, GREEN), Step(5, RED))),
                width=12,
                runbook="KiteClockSkew",
            ),
            number(
                "Trading days known until",
                "From then on the operator refreshes every day.",
                f"max(kite_operator_trading_calendar_end_timestamp_seconds{WHICH}) * 1000",
                Look(MOMENT, (Step(None, GREY),)),
                runbook="KiteTradingCalendarEnding",
            ),
            number(
                "On trading days",
                "Credentials whose spec.schedule.days is TradingDays: whom the end of the calendar concerns.",
                f"sum(kite_operator_trading_days_credentials{WHICH})",
                CALM,
                runbook="KiteTradingCalendarEnding",
            ),
            number(
                "Deadlines missed",
                "Deadlines that came with no token ready, in the time that is shown.",
                f"sum(increase(kite_operator_deadline_misses_total{WHICH}[$__range]))",
                none_is_well(),
                runbook="KiteTokenNotReady",
            ),
        ),
    )


def _people() -> Row:
    def happenings(title: str, description: str, metric: str, by: str, *, runbook: str = "") -> Panel:
        legend = " ".join(f"{{{{{each.strip()}}}}}" for each in by.split(","))
        query = Query(_sum(metric, by), legend)
        return Panel("timeseries", title, description, (query,), OCCASIONS, width=6, runbook=runbook)

    return Row(
        "People and pods",
        (
            happenings(
                "Login page",
                "What the login page has done or refused. Empty when nobody used it, or it is off.",
                "kite_operator_login_page_total",
                "outcome",
                runbook="KiteLoginRequired",
            ),
            happenings(
                "Reminders sent",
                "URLs of notification Secrets, by what came of a reminder. Flat when nobody had to be told.",
                "kite_operator_notifications_total",
                "result",
                runbook="KiteNotificationsFailing",
            ),
            happenings(
                "Reports of dead tokens",
                "What pods have reported, and what became of it. Empty when none did.",
                "kite_operator_dead_token_reports_total",
                "result",
                runbook="KiteTokenExpired",
            ),
            happenings(
                "Rollout restarts",
                "Looks at workloads of spec.rollout. Empty when it is off.",
                "kite_operator_rollout_restarts_total",
                "kind, result",
                runbook="KiteRolloutHindered",
            ),
        ),
    )


def _process() -> Row:
    return Row(
        "Process",
        (
            Panel(
                "timeseries",
                "Memory",
                "Resident memory, and address space.",
                (
                    Query(_each("process_resident_memory_bytes"), "{{instance}} resident"),
                    Query(_each("process_virtual_memory_bytes"), "{{instance}} virtual"),
                ),
                Look(BYTES, (Step(None, BLUE),)),
                width=7,
            ),
            Panel(
                "timeseries",
                "Processor time",
                "Processor seconds in a second: 1 is a whole core.",
                (Query(f"sum by (instance) (rate(process_cpu_seconds_total{WHICH}[{RATE}]))", "{{instance}}"),),
                Look(COUNT, (Step(None, GREEN), Step(0.9, YELLOW))),
                width=7,
                runbook="KiteOperatorScheduleLag",
            ),
            Panel(
                "timeseries",
                "Open files and connections",
                "And how many it may open.",
                (
                    Query(_each("process_open_fds"), "{{instance}} open"),
                    Query(_each("process_max_fds"), "{{instance}} limit"),
                ),
                CALM,
                width=6,
            ),
            number(
                "Audit lines lost",
                "Lines that could not be written to the audit log, in the time that is shown.",
                f"sum(increase(kite_operator_audit_lines_lost_total{WHICH}[$__range]))",
                none_is_well(),
            ),
        ),
    )
