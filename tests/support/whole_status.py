"""A status in which every field is set, as a value and as it is stored."""

from collections.abc import Iterator
from typing import Any

from kite_operator.model.conditions import Condition
from kite_operator.model.expiry import IST
from kite_operator.model.resource import Failures, LastLogin, Reminder, ReminderMark, Status
from kite_operator.model.rollout import RolloutStatus, Stamp, Workload, WorkloadState
from support.facts import ist

AT = ist("07:40").astimezone(IST)
TEXT = "2026-03-02T07:40:00+05:30"
FULL = Status(
    observed_generation=3,
    conditions=(Condition("Ready", "True", "SessionActive", "", 3, TEXT),),
    user_id="AB1234",
    expires_time=AT,
    last_refresh_time=AT,
    next_refresh_time=AT,
    secret_name="alpha-kite-token",
    last_handled_refresh="r1",
    last_handled_acknowledge="a1",
    last_handled_revoke="v1",
    block_id="block-1",
    failures=Failures(2, "RateLimited", AT, AT),
    login_url="https://kite-login.example.com/login/desk/alpha",
    last_login=LastLogin("login-1", "WrongAccount", "another client", AT),
    last_reminder=Reminder(AT, ReminderMark.EARLY, AT),
    rollout=RolloutStatus(
        3,
        "0123abcd.feed",
        "RolloutWaiting",
        "waits",
        AT,
        AT,
        (WorkloadState(Workload("Deployment", "trader"), "uid-1", Stamp("0123abcd.feed", AT), "Waiting"),),
    ),
)
STORED: dict[str, Any] = {
    "observedGeneration": 3,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "SessionActive",
            "message": "",
            "observedGeneration": 3,
            "lastTransitionTime": TEXT,
        }
    ],
    "userID": "AB1234",
    "expiresTime": TEXT,
    "lastRefreshTime": TEXT,
    "nextRefreshTime": TEXT,
    "secretName": "alpha-kite-token",
    "lastHandledRefresh": "r1",
    "lastHandledAcknowledge": "a1",
    "lastHandledRevoke": "v1",
    "blockID": "block-1",
    "failures": {"count": 2, "reason": "RateLimited", "lastTime": TEXT, "nextRetryTime": TEXT},
    "loginURL": "https://kite-login.example.com/login/desk/alpha",
    "lastLogin": {"grant": "login-1", "reason": "WrongAccount", "message": "another client", "time": TEXT},
    "lastReminder": {"deadline": TEXT, "mark": "Early", "time": TEXT},
    "rollout": {
        "observedGeneration": 3,
        "tokenVersion": "0123abcd.feed",
        "reason": "RolloutWaiting",
        "message": "waits",
        "restartedTime": TEXT,
        "nextTime": TEXT,
        "workloads": [
            {
                "kind": "Deployment",
                "name": "trader",
                "uid": "uid-1",
                "tokenVersion": "0123abcd.feed",
                "since": TEXT,
                "result": "Waiting",
            }
        ],
    },
}


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where each value of a stored object is."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from places(child, (*path, name))
