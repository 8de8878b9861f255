"""A day without trouble: one Event, few lines, and an audit log that accounts for each submission."""

import json

from support.operators import OperatorProcess
from support.world import World


def has_turned(operator: OperatorProcess, world: World) -> bool:
    return (operator.metric("kite_operator_last_progress_timestamp_seconds") or 0) > world.clock.now() - 60


def test_a_day_without_trouble_is_one_event_and_its_log_says_what_belongs_together(world: World) -> None:
    world.set_clock("2026-11-24T16:00")  # a year whose trading days are known
    audit = world.folder / "audit.jsonl"
    operator = world.operator("--log-format", "json", "--audit-log", str(audit))
    world.alpha()
    world.wait("SessionActive")
    first = world.token()
    for _ in range(24):
        world.clock.move(3600)
        world.until(lambda: has_turned(operator, world), "the operator has seen the hour")
        world.until(lambda: operator.metric("kite_operator_busy_workers") == 0, "and looked")
    world.until(lambda: world.token() != first and world.condition()[1] == "SessionActive", "the next day")
    assert ["Refreshed", "Refreshed"] == world.events()

    lines = [json.loads(line) for line in world.logs().splitlines()]
    logins = [line for line in lines if line.get("action") == "login"]
    assert 2 == len(logins)
    assert [] == [line for line in lines if line["level"] not in ("info", "debug")]
    submitted = [json.loads(line) for line in audit.read_text().splitlines()]
    assert ["password", "totp", "exchange"] * 2 == [line["step"] for line in submitted]
    assert {line["decision"] for line in logins} == {line["decision"] for line in submitted}
    assert {(f"{world.namespace}/alpha", "AB1234", "success")} == {
        (line["credential"], line["client"], line["outcome"]) for line in submitted
    }
    for secret in world.secrets_made:
        assert secret not in audit.read_text()
