"""The alerts themselves.

Two rules hold for all of them. What is asked about a credential is asked of every replica and of the last few minutes,
and the calmer answer counts: a restart, an upgrade or a failover neither starts a `for` anew nor fires anything. And an
alert carries the labels of what it is about and no more (`namespace` and `name`, or `job` and `instance`), so that it
stays the same alert when the pod is another.
"""

from dataclasses import dataclass

from alerts.limits import Limits, duration

CRITICAL = "critical"
WARNING = "warning"
CREDENTIAL = ("namespace", "name")
OPERATOR = ("job", "instance")
INSTALL = ("namespace", "job")
"""Releases of the same name in two namespaces have the same job."""

SESSION_DAY_START = 1800
"""A session day begins at 06:00 Indian time, which is 00:30 UTC: so many seconds after midnight."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule. In the texts `$credential`, `$operator` and `$reason` stand for what each format calls them.

    `about` are the labels that tell one alert of this name from another; none where there is only one.
    """

    name: str
    severity: str
    expr: str
    waits: int
    summary: str
    description: str
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, every `interval` seconds."""

    name: str
    interval: int
    alerts: tuple[Alert, ...]


def catalogue(limits: Limits | None = None) -> tuple[Group, ...]:
    """All alerts, with the given limits."""
    use = limits or Limits()
    return (
        Group("kite-credentials", use.interval, (*_tokens(use), *_persons(use), *_troubles(use))),
        Group("kite-operator", use.interval, (*_life(use), *_work(use), *_surroundings(use))),
    )


def _latest(use: Limits, metric: str, calmer: str) -> str:
    """The value of each credential, seen through gaps; `calmer` (min or max) of what several replicas say."""
    return f"{calmer} by (namespace, name) (last_over_time({metric}[{duration(use.bridge)}]))"


def _is(use: Limits, metric: str) -> str:
    return f"{_latest(use, metric, 'min')} == 1"


def _due(use: Limits, before: int = 0) -> str:
    """Credentials whose deadline of today has come, or comes within `before`, and concerns somebody still."""
    deadline = _latest(use, "kite_credential_deadline_timestamp_seconds", "max")
    until = f"{use.now} + {before}" if before else use.now
    return f"({deadline} > 0 <= {until} > {use.now} - {use.paged_for})"


def _without_token(use: Limits) -> str:
    """Not ready, or past the expiry of a token that an operator which does nothing any more still calls ready."""
    ready = _latest(use, "kite_credential_ready", "max")
    expiry = _latest(use, "kite_credential_token_expiry_timestamp_seconds", "max")
    return f"({ready} == 0\n  or {expiry} < {use.now})"


def _since_morning(use: Limits, compared: str) -> str:
    """Credentials whose last new token is of today (`>=`) or older (`<`)."""
    success = _latest(use, "kite_credential_last_success_timestamp_seconds", "max")
    return f"({success} {compared} {use.now} - ({use.now} - {SESSION_DAY_START}) % 86400)"


def _tokens(use: Limits) -> tuple[Alert, ...]:
    return (
        Alert(
            "KiteTokenNotReady",
            CRITICAL,
            f"{_without_token(use)}\nand {_due(use)}\nand {_since_morning(use, '<')}",
            use.prompt,
            "$credential has no working token, and its deadline has passed",
            "Its pods cannot trade. There has been no new token today (reason $reason).",
            CREDENTIAL,
        ),
        Alert(
            "KiteTokenExpired",
            CRITICAL,
            f"{_without_token(use)}\nand {_due(use)}\nand {_since_morning(use, '>=')}",
            use.patient,
            "$credential had a token today, and it has ended",
            "Its pods cannot trade any more, and no other token has taken its place (reason $reason).",
            CREDENTIAL,
        ),
    )


def _persons(use: Limits) -> tuple[Alert, ...]:
    blocked, asked = _is(use, "kite_credential_blocked"), _is(use, "kite_credential_login_required")
    lapsed = _is(use, 'kite_credential_info{reason="SubscriptionInactive"}')
    return (
        Alert(
            "KiteLoginRequired",
            CRITICAL,
            f"{asked}\nand {_due(use, use.ask_before)}",
            use.prompt,
            "$credential waits for a person to log in, and nobody has come",
            "Its deadline is less than half an hour away, or has passed. Log in by hand (reason $reason).",
            CREDENTIAL,
        ),
        Alert(
            "KiteAccountBlocked",
            CRITICAL,
            blocked,
            use.prompt,
            "$credential is blocked: nothing is sent to the broker before a person acts",
            "Mend what the reason names ($reason); then the block lifts by itself, or is acknowledged.",
            CREDENTIAL,
        ),
        Alert(
            "KiteSubscriptionInactive",
            CRITICAL,
            lapsed,
            use.prompt,
            "The Kite Connect subscription behind $credential has lapsed",
            "Kite refuses every call. Renew the subscription in the developer console.",
            CREDENTIAL,
        ),
        Alert(
            "KitePersonNeeded",
            WARNING,
            f"{_is(use, 'kite_credential_person_needed')}\nunless {blocked}\nunless {asked}\nunless {lapsed}",
            use.settled,
            "$credential will not have a working token without a person",
            "Something that was written is wrong or missing (reason $reason); the condition Ready says what.",
            CREDENTIAL,
        ),
    )


def _troubles(use: Limits) -> tuple[Alert, ...]:
    entries = _latest(use, "kite_credential_wrong_entries", "min")
    limit = _latest(use, "kite_credential_wrong_entries_limit", "max")
    return (
        Alert(
            "KiteRefreshFailing",
            WARNING,
            f"{_latest(use, 'kite_credential_failures', 'min')} >= {use.failures}",
            use.patient,
            "The refresh of $credential keeps failing",
            f"At least {use.failures} tries in a row have failed, and more will follow by themselves (reason $reason).",
            CREDENTIAL,
        ),
        Alert(
            "KiteLoginBudgetNearlyUsed",
            WARNING,
            f"{entries}\n>= {limit} - 1",
            use.patient,
            "One wrong entry more, and nothing is submitted for $credential any more",
            "Wrong or unanswered passwords and codes are counted since the last completed login. Find out why first.",
            CREDENTIAL,
        ),
        Alert(
            "KiteRolloutHindered",
            WARNING,
            _is(use, "kite_credential_rollout_hindered"),
            use.settled,
            "$credential cannot restart every workload that it should",
            "Pods that read the token once may run with a former one. status.rollout says what stands in the way.",
            CREDENTIAL,
        ),
    )


def _restarting(use: Limits) -> str:
    """Seen by when each process began, since a counter of restarts would not outlive one; of this program only."""
    within = f"[{duration(use.restarts_within)}]"
    began = f"max by (job, instance) (changes(process_start_time_seconds{within})) >= {use.restarts}"
    return f"{began}\nand max by (job, instance) (last_over_time(kite_operator_build_info{within})) == 1"


def _life(use: Limits) -> tuple[Alert, ...]:
    progress = "kite_operator_last_progress_timestamp_seconds"
    return (
        Alert(
            "KiteOperatorAbsent",
            CRITICAL,
            f"absent({progress})",
            use.patient,
            "No kite-operator is running, as far as Prometheus can see",
            "Tokens end at 06:00 Indian time, and nobody fetches new ones. Nothing else is known of any credential.",
            (),
        ),
        Alert(
            "KiteOperatorWithoutLeader",
            CRITICAL,
            f"max by (namespace, job) (max_over_time(kite_operator_leader[{duration(use.bridge)}])) == 0",
            use.prompt,
            "Operators run, and none of them does the work",
            "All replicas stand by, or have not read the cluster yet. Tokens end at 06:00 Indian time.",
            INSTALL,
        ),
        Alert(
            "KiteOperatorRestarting",
            CRITICAL,
            _restarting(use),
            use.prompt,
            "The operator $operator is restarted again and again",
            f"At least {use.restarts} times in {use.restarts_within // 60} minutes. It may well get no work done.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorStalled",
            CRITICAL,
            f"{use.now} - max by (job, instance) ({progress}) > {use.silence}",
            use.prompt,
            "The operator $operator runs and does nothing",
            f"Its scheduler has not turned for more than {use.silence} seconds. Restart it: that costs no login.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorListStale",
            WARNING,
            f"{use.now} - max by (job, instance) (kite_operator_last_list_timestamp_seconds) > {use.list_age}",
            use.patient,
            "The operator $operator has not read the cluster for a while",
            "New and changed credentials may be unknown to it. Its log says why the list fails.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorNamespaceRefused",
            WARNING,
            "max by (job, instance) (kite_operator_refused_namespaces) > 0",
            use.settled,
            "The operator $operator may not read one of its namespaces",
            "Nobody fetches tokens there, and no other alert speaks of them. Its log names the namespace.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorWatchDown",
            WARNING,
            "max by (job, instance) (kite_operator_watch_up) == 0",
            use.patient,
            "The operator $operator is told of no changes",
            "The API server refuses its watches. It still lists everything every few minutes: a login waits for that.",
            OPERATOR,
        ),
    )


def _work(use: Limits) -> tuple[Alert, ...]:
    requests, window = "kite_operator_kubernetes_requests_total", f"[{duration(use.rate)}]"
    failed = f'{requests}{{code=~"0|401|403|429|5.."}}{window}'
    return (
        Alert(
            "KiteOperatorKubernetesErrors",
            WARNING,
            f"sum by (job, instance) (rate({failed}))\n"
            f"  / sum by (job, instance) (rate({requests}{window})) > {use.error_ratio:g}",
            use.settled,
            "Requests of the operator $operator to the Kubernetes API fail",
            f"More than {use.error_ratio:.0%} of them: a missing right, or an API server in trouble.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorReconcileErrors",
            WARNING,
            "max by (job, instance) (kite_operator_failing_credentials) > 0",
            use.settled,
            "The operator $operator fails over some of its credentials",
            "What their metrics show is older than the first of these errors. The log names credential and error.",
            OPERATOR,
        ),
        Alert(
            "KiteOperatorScheduleLag",
            WARNING,
            f"max by (job, instance) (kite_operator_schedule_lag_seconds) > {use.lag}",
            use.patient,
            "The operator $operator does not keep up",
            "Credentials that are due wait for a worker. Give it more processor time, or raise --workers.",
            OPERATOR,
        ),
    )


def _surroundings(use: Limits) -> tuple[Alert, ...]:
    end = "max by (job, instance) (kite_operator_trading_calendar_end_timestamp_seconds)"
    told = f'kite_operator_notifications_total{{result=~"failed|invalid"}}[{duration(use.undelivered)}]'
    concerned = "max by (job, instance) (kite_operator_trading_days_credentials) > 0"
    return (
        Alert(
            "KiteClockSkew",
            WARNING,
            f"abs(max by (job, instance) (kite_operator_broker_clock_offset_seconds)) > {use.clock_off}",
            use.settled,
            "The clock of the node of the operator $operator is wrong",
            f"It is off by more than {use.clock_off} seconds from the broker's. Beyond 20 a TOTP code may be refused, "
            "and from a minute on no code can be right.",
            OPERATOR,
        ),
        Alert(
            "KiteNotificationsFailing",
            WARNING,
            f"sum by (job, instance) (increase({told})) > 0",
            use.prompt,
            "Reminders of the operator $operator do not reach somebody",
            "A URL of a notification Secret cannot be used, or took none after all tries: the Events say which.",
            OPERATOR,
        ),
        Alert(
            "KiteTradingCalendarEnding",
            WARNING,
            f"{end} - {use.now} < {use.calendar_left}\nand {concerned}",
            use.lasting,
            "The operator $operator will soon not know the trading days any more",
            "From then on it refreshes every day, and in mode Manual asks for logins on holidays. Install a newer one.",
            OPERATOR,
        ),
    )
