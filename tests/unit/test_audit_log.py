"""The audit log: what stands in it, and that a login never depends on it."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kite_operator.__main__ import main
from kite_operator.audit_log import AuditLog, audited, set_up_audit
from kite_operator.correlation import about
from kite_operator.record.metrics import Metrics
from support.facts import NOON
from support.log_lines import lines

OTHERS_MAY_NOT = 0o077


@pytest.fixture(autouse=True)
def no_audit_afterwards() -> Iterator[None]:
    yield
    set_up_audit("")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "audit"
    made.mkdir()
    return made


@pytest.fixture
def file(folder: Path) -> Path:
    made = folder / "audit.jsonl"
    set_up_audit(str(made))
    return made


def steps_of(file: Path) -> list[str]:
    return [each["step"] for each in lines_of(file)]


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in file.read_text().splitlines()]


def losses(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("kite_operator_audit_lines_lost_total")


def test_it_has_a_line_for_each_submission_and_session(folder: Path) -> None:
    file = folder / "audit.jsonl"
    file.write_text('{"step": "before"}\n')
    set_up_audit(str(file))
    seen: list[str] = []
    observe = audited(lambda step, _outcome, _seconds: seen.append(step), AuditLog("pod-1", lambda: None))
    with about(credential="desk/alpha", client="AB1234", action="login", decision="d1"):
        for step in ("preflight", "password", "totp", "connect", "exchange", "profile"):
            observe(step, "success", 0.1)
    assert ["preflight", "password", "totp", "connect", "exchange", "profile"] == seen
    assert ["before", "password", "totp", "exchange"] == steps_of(file)
    assert ("AB1234", "desk/alpha", "success", "d1", "pod-1") == tuple(
        lines_of(file)[1][name] for name in ("client", "credential", "outcome", "decision", "operator")
    )


def test_a_file_that_was_moved_away_is_begun_anew(folder: Path, file: Path) -> None:
    audit = AuditLog("pod-1", lambda: None)
    audit.add("password", "success")
    file.rename(folder / "audit.1")
    audit.add("totp", "success")
    assert (["password"], ["totp"]) == (steps_of(folder / "audit.1"), steps_of(file))


def test_its_owner_alone_may_read_it_also_when_it_is_begun_anew(folder: Path, file: Path) -> None:
    audit = AuditLog("pod-1", lambda: None)
    audit.add("password", "success")
    file.rename(folder / "audit.1")
    audit.add("totp", "success")
    assert [0, 0] == [each.stat().st_mode & OTHERS_MAY_NOT for each in (folder / "audit.1", file)]


def test_a_file_that_is_there_keeps_its_permissions(folder: Path) -> None:
    file = folder / "audit.jsonl"
    file.touch()
    file.chmod(0o640)
    set_up_audit(str(file))
    AuditLog("pod-1", lambda: None).add("password", "success")
    assert (0o640, ["password"]) == (file.stat().st_mode & 0o777, steps_of(file))


def test_lines_that_cannot_be_written_are_counted_and_stand_in_the_ordinary_log(
    folder: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    metrics = Metrics(lambda: NOON)
    audit = AuditLog("pod-1", metrics.count_audit_loss)
    audit.add("password", "success")
    file.unlink()
    folder.rmdir()
    audit.add("totp", "success")
    audit.add("exchange", "success")
    folder.mkdir()
    audit.add("logout", "success")
    assert [
        f"audit log not writable: its lines are written here error={os.strerror(2)}",
        "broker call, not in the audit log step=totp outcome=success operator=pod-1",
        "broker call, not in the audit log step=exchange outcome=success operator=pod-1",
        "audit log writable again",
    ] == lines(caplog.records, "kite_operator.audit_log")
    assert (["logout"], 2.0) == (steps_of(file), losses(metrics))


def test_a_line_that_was_lost_is_not_written_a_second_time_when_there_is_room_again(folder: Path) -> None:
    file = folder / "audit.jsonl"
    file.symlink_to("/dev/full")
    set_up_audit(str(file))
    audit = AuditLog("pod-1", lambda: None)
    audit.add("password", "success")
    file.unlink()
    audit.add("totp", "success")
    assert ["totp"] == steps_of(file)


def test_a_full_disk_is_a_loss_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    set_up_audit("/dev/full")
    metrics = Metrics(lambda: NOON)
    AuditLog("pod-1", metrics.count_audit_loss).add("password", "PasswordRejected")
    assert ("No space left on device" in caplog.text, 1.0) == (True, losses(metrics))


def test_without_a_file_nothing_is_audited(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_audit("")
    AuditLog("pod-1", lambda: None).add("password", "success")
    assert "" == capsys.readouterr().err


def test_a_file_that_cannot_be_written_at_the_start_ends_the_operator(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["run", "--account-namespace", "kite", "--audit-log", "/proc/audit.jsonl"])
    assert "--audit-log /proc/audit.jsonl cannot be written" in capsys.readouterr().err
