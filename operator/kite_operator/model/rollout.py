"""`spec.rollout` and `status.rollout`: the workloads to restart after a change of the token, when, and the results.

They are for pods that read the token once, at their start. Pods that follow the mounted Secret need no restart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from kite_operator.model.manifest import INLINE, stored_as

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
OUTSIDE_MARKET_HOURS = "OutsideMarketHours"
ALWAYS = "Always"
DEFAULT_MARKET_HOURS = (time(9, 0), time(15, 30))
MOST_WORKLOADS = 16

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Workload:
    """One entry of `spec.rollout.restart`; it is in the namespace of its KiteCredential."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True)
class Rollout:
    """`spec.rollout` with its effective values; market hours are times of day in IST, the end not included."""

    workloads: tuple[Workload, ...]
    when: str = OUTSIDE_MARKET_HOURS
    market_hours: tuple[time, time] = DEFAULT_MARKET_HOURS


@dataclass(frozen=True, slots=True)
class Stamp:
    """The token with which the pods of a workload started, as far as is known: its version, and since when."""

    version: str = field(metadata=stored_as("tokenVersion"))
    at: datetime = field(metadata=stored_as("since"))


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """Entry of `status.rollout.workloads`: the mark of one workload, and the result of the last check."""

    workload: Workload = field(metadata=INLINE)
    uid: str = ""
    mark: Stamp | None = field(default=None, metadata=INLINE)
    result: str = ""


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """`status.rollout`: `token_version` is the token of the last check, `next_time` the time of the next one."""

    observed_generation: int = 0
    token_version: str = ""
    reason: str = ""
    message: str = ""
    restarted_time: datetime | None = None
    next_time: datetime | None = None
    workloads: tuple[WorkloadState, ...] = ()

    def of(self, workload: Workload) -> WorkloadState | None:
        """Return the entry of `workload`, or None."""
        return next((each for each in self.workloads if each.workload == workload), None)


def parse_rollout(spec: Mapping[str, Any], problems: list[str]) -> Rollout | None:
    """Parse `spec.rollout`; return None when there is none. What is wrong with it is added to `problems`."""
    raw = spec.get("rollout")
    if raw is None:
        return None
    block = raw if isinstance(raw, Mapping) else {}
    return Rollout(_workloads(block, problems), _when(block, problems), _market_hours(block, problems))


def _workloads(block: Mapping[str, Any], problems: list[str]) -> tuple[Workload, ...]:
    raw = block.get("restart")
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_WORKLOADS:
        problems.append(f"spec.rollout.restart must name 1 to {MOST_WORKLOADS} workloads by kind and name")
        return ()
    found = tuple(_workload(each, f"spec.rollout.restart[{index}]", problems) for index, each in enumerate(raw))
    if len(set(found)) != len(found):
        problems.append("spec.rollout.restart must name each workload once")
    return found


def _workload(raw: object, path: str, problems: list[str]) -> Workload:
    entry = raw if isinstance(raw, Mapping) else {}
    kind, name = entry.get("kind"), entry.get("name")
    if kind not in KINDS:
        problems.append(f"{path}.kind must be {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        problems.append(f"{path}.name must be the name of a workload: lower case letters, digits, - and .")
    return Workload(str(kind), str(name))


def _when(block: Mapping[str, Any], problems: list[str]) -> str:
    value = block.get("when")
    if value in (None, OUTSIDE_MARKET_HOURS, ALWAYS):
        return value or OUTSIDE_MARKET_HOURS
    problems.append(f"spec.rollout.when must be {OUTSIDE_MARKET_HOURS} or {ALWAYS}")
    return OUTSIDE_MARKET_HOURS  # an unknown value causes no restart in market hours


def _market_hours(block: Mapping[str, Any], problems: list[str]) -> tuple[time, time]:
    value = block.get("marketHours")
    if value is None:
        return DEFAULT_MARKET_HOURS
    match = _HOURS.fullmatch(str(value))
    hours = None if match is None else (time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))
    if hours is None or hours[0] >= hours[1]:
        problems.append("spec.rollout.marketHours must be two times of a day, the earlier first, such as 09:00-15:30")
        return DEFAULT_MARKET_HOURS
    return hours
