"""Parser of a KiteCredential from the API server: it is parsed once, at the edge, with all problems and field paths.

The API server has validated the object against the CRD already. The checks here repeat those that an older or newer
CRD, or a disabled validation, could leave out. Effective values of absent fields are resolved here (the CRD has no
defaults, and the operator never edits a spec).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from kite_operator.model.expiry import FLUSH_START
from kite_operator.model.manifest import parse_manifest
from kite_operator.model.resource import (
    ACKNOWLEDGE_ANNOTATION,
    APP_TYPES,
    DAILY,
    DEFAULT_FORMATS,
    DELETE,
    FORMATS,
    LONGEST_JITTER,
    LONGEST_PROBE_INTERVAL,
    MODES,
    REFRESH_ANNOTATION,
    RELOGINS,
    RETAIN,
    REVOKE_ANNOTATION,
    SHORTEST_PROBE_INTERVAL,
    TRADING_DAYS,
    WHEN_DEAD,
    Credential,
    Key,
    Status,
    Target,
    Timing,
)
from kite_operator.model.rollout import parse_rollout

_CLIENT_ID = re.compile(r"[A-Z][A-Z0-9]{3,11}")
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DURATION = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")


def parse_credential(body: Mapping[str, Any]) -> Credential:
    """Parse a KiteCredential of any content; problems of its spec are listed in `problems`, never raised."""
    metadata, spec = _block(body, "metadata"), _block(body, "spec")
    problems: list[str] = []
    login = _block(spec, "login")
    annotations = _block(metadata, "annotations")
    status = parse_manifest(Status, body.get("status")) or Status()
    credential = Credential(
        key=Key(str(metadata.get("namespace", "")), str(metadata.get("name", ""))),
        uid=str(metadata.get("uid", "")),
        resource_version=str(metadata.get("resourceVersion", "")),
        generation=_number(metadata, "generation"),
        created=str(metadata.get("creationTimestamp", "")),
        client_id=_text(spec, "spec", "clientID", problems),
        mode=_text(login, "spec.login", "mode", problems),
        app_secret=_text(_block(spec, "appSecretRef"), "spec.appSecretRef", "name", problems),
        login_secret=_login_secret(login, problems),
        redirect_url=_text(spec, "spec", "redirectURL", problems),
        timing=_timing(spec, problems),
        target=_target(spec, problems),
        suspended=bool(spec.get("suspend", False)),
        refresh=str(annotations.get(REFRESH_ANNOTATION, "")),
        acknowledge=str(annotations.get(ACKNOWLEDGE_ANNOTATION, "")),
        deleting=bool(metadata.get("deletionTimestamp")),
        status=status,
        stored=status,
        notify_secret=_notify_secret(spec, problems),
        class_name=str(spec.get("className") or ""),
        app_type=_one_of(spec, "spec.appType", APP_TYPES, "", problems),
        relogin=_one_of(login, "spec.login.relogin", RELOGINS, WHEN_DEAD, problems),
        revoke=str(annotations.get(REVOKE_ANNOTATION, "")),
        rollout=parse_rollout(spec, problems),
    )
    problems += _cross_checks(credential)
    return replace(credential, problems=tuple(problems))


def _block(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object under `name`; an empty one for anything else, whose required fields are reported missing."""
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(parent: Mapping[str, Any], name: str) -> int:
    value = parent.get(name)
    return value if isinstance(value, int) else 0


def _text(block: Mapping[str, Any], path: str, name: str, problems: list[str]) -> str:
    value = block.get(name)
    if not isinstance(value, str) or not value:
        problems.append(f"{path}.{name} is required")
        return ""
    return value


def _one_of(block: Mapping[str, Any], path: str, allowed: tuple[str, ...], default: str, problems: list[str]) -> str:
    """Return the value of a field that may be absent, and is one of a few otherwise."""
    value = block.get(path.rpartition(".")[2])
    if value is None:
        return default
    if value not in allowed:
        problems.append(f"{path} must be {' or '.join(allowed)}")
        return default
    return str(value)


def _login_secret(login: Mapping[str, Any], problems: list[str]) -> str | None:
    if login.get("mode") != "TOTP":
        return None
    reference = _block(_block(login, "totp"), "secretRef")
    return _text(reference, "spec.login.totp.secretRef", "name", problems)


def _notify_secret(spec: Mapping[str, Any], problems: list[str]) -> str | None:
    if "notifySecretRef" not in spec:
        return None
    return _text(_block(spec, "notifySecretRef"), "spec.notifySecretRef", "name", problems)


def _timing(spec: Mapping[str, Any], problems: list[str]) -> Timing:
    schedule, probe = _block(spec, "schedule"), _block(spec, "probe")
    defaults = Timing()
    return Timing(
        at=_clock_time(schedule, "at", defaults.at, problems),
        ready_by=_clock_time(schedule, "readyBy", defaults.ready_by, problems),
        jitter=_duration(schedule, "spec.schedule.jitter", defaults.jitter, problems),
        probe_interval=_duration(probe, "spec.probe.interval", defaults.probe_interval, problems),
        days=_days(schedule, problems),
    )


def _days(schedule: Mapping[str, Any], problems: list[str]) -> str:
    value = schedule.get("days")
    if value in (None, DAILY, TRADING_DAYS):
        return value or DAILY
    problems.append("spec.schedule.days must be Daily or TradingDays")
    return DAILY


def _clock_time(schedule: Mapping[str, Any], name: str, default: time, problems: list[str]) -> time:
    value = schedule.get(name)
    if value is None:
        return default
    match = _CLOCK_TIME.fullmatch(str(value))
    if match is None:
        problems.append(f"spec.schedule.{name} must be a time of day such as 07:35")
        return default
    return time(int(match[1]), int(match[2]))


def _duration(block: Mapping[str, Any], path: str, default: timedelta, problems: list[str]) -> timedelta:
    value = block.get(path.rpartition(".")[2])
    if value is None:
        return default
    match = _DURATION.fullmatch(str(value))
    if match is None or not any(match.groups()):
        problems.append(f"{path} must be a duration such as 10m or 1h30m")
        return default
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _target(spec: Mapping[str, Any], problems: list[str]) -> Target:
    target = _block(spec, "target")
    return Target(
        name=_text(target, "spec.target", "name", problems),
        deletion_policy=_deletion_policy(target, problems),
        formats=_formats(target, problems),
        labels=_texts(target, "spec.target.labels", problems),
        annotations=_texts(target, "spec.target.annotations", problems),
    )


def _deletion_policy(target: Mapping[str, Any], problems: list[str]) -> str:
    value = target.get("deletionPolicy")
    if value in (None, DELETE, RETAIN):
        return value or DELETE
    problems.append("spec.target.deletionPolicy must be Delete or Retain")
    return RETAIN  # nothing is removed for an unknown value


def _formats(target: Mapping[str, Any], problems: list[str]) -> tuple[str, ...]:
    value = target.get("format")
    if value is None:
        return DEFAULT_FORMATS
    known = tuple(name for name in FORMATS if isinstance(value, list) and name in value)
    if not known or len(known) != len(value):
        problems.append(f"spec.target.format must be a list of one or more of {', '.join(FORMATS)}, each once")
        return DEFAULT_FORMATS
    return known


def _texts(block: Mapping[str, Any], path: str, problems: list[str]) -> dict[str, str]:
    values = _block(block, path.rpartition(".")[2])
    if all(isinstance(value, str) for value in values.values()):
        return dict(values)
    problems.append(f"{path} must map names to texts")
    return {}


def _cross_checks(credential: Credential) -> list[str]:
    problems = []
    if credential.client_id and not _CLIENT_ID.fullmatch(credential.client_id):
        problems.append("spec.clientID must look like AB1234: capital letters and digits, starting with a letter")
    if credential.mode and credential.mode not in MODES:
        problems.append("spec.login.mode must be Manual, TOTP or RefreshToken")
    if credential.target.name and credential.target.name in (*credential.sources, credential.state_secret):
        problems.append("spec.target.name must differ from the Secrets that are read and from <name>-kite-state")
    if credential.state_secret in credential.sources:
        problems.append("spec.appSecretRef and spec.login.totp.secretRef must not name the Secret <name>-kite-state")
    if credential.notify_secret in (credential.target.name, credential.state_secret):
        problems.append("spec.notifySecretRef must not name the Secret of spec.target nor <name>-kite-state")
    return problems + _timing_problems(credential.timing)


def _timing_problems(timing: Timing) -> list[str]:
    problems = []
    if timing.at < FLUSH_START:
        problems.append("spec.schedule.at must be 06:00 or later: Kite ends every session at 06:00 Indian time")
    if timing.at >= timing.ready_by:
        problems.append("spec.schedule.at must be before spec.schedule.readyBy")
    if timing.jitter > LONGEST_JITTER:
        problems.append("spec.schedule.jitter must be at most 60m")
    if not SHORTEST_PROBE_INTERVAL <= timing.probe_interval <= LONGEST_PROBE_INTERVAL:
        problems.append("spec.probe.interval must be from 1m to 1h")
    return problems
