"""Workloads are restarted once each; an error of one does not affect the others or the token."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.act.context import Context
from kite_operator.act.rollout import MOST_TRIES
from kite_operator.cluster.api import workload_path
from kite_operator.model.errors import ClusterUnavailable, Forbidden, Unprocessable
from kite_operator.model.resource import Status
from kite_operator.model.rollout import Rollout, RolloutStatus, Stamp, Workload, WorkloadState
from kite_operator.record.outcome import ActOutcome
from support.acting import Stage
from support.broker_fakes import NOW
from support.facts import credential, leaks, published
from support.workloads import CONSENT, RESTARTED, VERSION, pods, workload

TRADER, FEED = Workload("Deployment", "trader"), Workload("StatefulSet", "feed")
OLD, NEW = "aaaaaaaa.11", "aaaaaaaa.22"
BOTH = Rollout((TRADER, FEED), when="Always")


def place(which: Workload) -> str:
    return workload_path("desk", which.kind, which.name)


def put(stage: Stage, which: Workload, *, stamp: str = OLD, **changes: Any) -> None:
    made = workload(which.kind, which.name, **changes)
    if stamp:
        made["spec"]["template"]["metadata"]["annotations"] = {VERSION: stamp, RESTARTED: "2026-03-01T07:40:00+05:30"}
    stage.cluster.put(place(which), made)


def context(stage: Stage, rollout: Rollout = BOTH, previous: RolloutStatus | None = None, **changes: Any) -> Context:
    who = credential(rollout=rollout, status=Status(rollout=previous))
    usual = {"held": published(NOW), "token_version": NEW, "rollout_allowed": True}
    return stage.context(credential=who, **{**usual, **changes})


def writes(stage: Stage) -> list[str]:
    return [path for verb, path in stage.cluster.journal if verb != "GET"]


def results(outcome: ActOutcome) -> list[str]:
    assert outcome.rollout is not None
    assert [result for _, result in outcome.workload_results] == [each.result for each in outcome.rollout.workloads]
    return [each.result for each in outcome.rollout.workloads]


def reasons(outcome: ActOutcome) -> list[str]:
    assert [] == [secret for note in outcome.notes for secret in leaks(note.message)]
    return [note.reason.value for note in outcome.notes]


async def test_all_workloads_of_a_credential_are_restarted_in_one_reconcile_each_with_an_event() -> None:
    stage = Stage()
    put(stage, TRADER)
    put(stage, FEED)
    outcome = await stage.restart(context(stage))
    assert ["Restarted", "Restarted"] == results(outcome)
    assert ["RolloutRestarted", "RolloutRestarted"] == reasons(outcome)
    for which in (TRADER, FEED):
        assert NEW == pods(stage.cluster.objects[place(which)])[VERSION]


async def test_the_second_reconcile_restarts_nothing() -> None:
    stage = Stage()
    put(stage, TRADER)
    put(stage, FEED)
    first = await stage.restart(context(stage))
    before = writes(stage)
    second = await stage.restart(context(stage, previous=first.rollout))
    assert ["Current", "Current"] == results(second)
    assert [] == reasons(second)
    assert before == writes(stage)


async def test_a_restart_whose_event_was_lost_in_a_crash_is_reported_and_not_repeated() -> None:
    stage = Stage()
    put(stage, TRADER, stamp=NEW)
    uid = stage.cluster.objects[place(TRADER)]["metadata"]["uid"]
    before_the_crash = RolloutStatus(1, OLD, workloads=(WorkloadState(TRADER, uid, Stamp(OLD, NOW), "Current"),))
    outcome = await stage.restart(context(stage, Rollout((TRADER,)), before_the_crash))
    assert ["Current"] == results(outcome)
    assert ["RolloutRestarted"] == reasons(outcome)
    assert [] == writes(stage)


async def test_in_market_hours_all_workloads_wait_and_one_event_gives_the_time() -> None:
    stage = Stage()
    stage.clock.wall = NOW.replace(hour=5, minute=30)
    put(stage, TRADER)
    put(stage, FEED)
    outcome = await stage.restart(
        context(stage, replace(BOTH, when="OutsideMarketHours"), held=published(stage.clock.now()))
    )
    assert ["Waiting", "Waiting"] == results(outcome)
    assert ["RolloutWaiting"] == reasons(outcome)
    assert "15:30:00+05:30" in outcome.notes[0].message
    again = context(
        stage,
        replace(BOTH, when="OutsideMarketHours"),
        outcome.rollout,
        held=published(stage.clock.now()),
        token_version="aaaaaaaa.33",
    )
    assert [] == reasons(await stage.restart(again))
    assert [] == writes(stage)


async def test_a_missing_workload_does_not_delay_the_other() -> None:
    stage = Stage()
    put(stage, FEED)
    outcome = await stage.restart(context(stage))
    assert ["NotFound", "Restarted"] == results(outcome)
    assert ["RolloutFailed", "RolloutRestarted"] == reasons(outcome)
    assert outcome.rollout is not None
    assert "Deployment 'trader'" in outcome.rollout.message


async def test_a_workload_without_consent_is_named_with_the_annotation_that_it_needs() -> None:
    stage = Stage()
    put(stage, TRADER, consents_to="beta")
    put(stage, FEED)
    outcome = await stage.restart(context(stage))
    assert ["NotAllowed", "Restarted"] == results(outcome)
    assert f"{CONSENT}=alpha" in outcome.notes[0].message
    assert [place(FEED)] == writes(stage)


async def test_a_paused_workload_is_not_restarted() -> None:
    stage = Stage()
    put(stage, TRADER, paused=True)
    outcome = await stage.restart(context(stage, Rollout((TRADER,), "Always")))
    assert (["Paused"], ["RolloutFailed"], []) == (results(outcome), reasons(outcome), writes(stage))


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"type": "OnDelete"}, "OnDelete: a pod restarts only when you delete it"),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "partition 2"),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, "present token"),
    ],
)
async def test_pods_that_kubernetes_does_not_replace_are_reported(strategy: object, words: str) -> None:
    stage = Stage()
    put(stage, FEED, updateStrategy=strategy)
    outcome = await stage.restart(context(stage, Rollout((FEED,), "Always")))
    assert ["Restarted"] == results(outcome)
    assert words in outcome.notes[0].message


@pytest.mark.parametrize(
    ("error", "verb", "result"),
    [
        (Forbidden, "GET", "Refused"),
        (Forbidden, "PATCH", "Refused"),
        (Unprocessable, "PATCH", "Refused"),
        (ClusterUnavailable, "GET", "Unavailable"),
        (ClusterUnavailable, "PATCH", "Unavailable"),
    ],
)
async def test_a_refusal_of_the_api_server_is_reported_and_raises_nothing(error: Any, verb: str, result: str) -> None:
    stage = Stage()
    put(stage, TRADER)
    put(stage, FEED)

    def refuse(method: str, path: str) -> None:
        if (method, path) == (verb, place(TRADER)):
            raise error(f"{method} {path}", status=403)

    stage.cluster.before = refuse
    outcome = await stage.restart(context(stage))
    assert [result, "Restarted"] == results(outcome)
    assert "RolloutFailed" == reasons(outcome)[0]
    assert verb in outcome.notes[0].message


@pytest.mark.parametrize(("meddled", "result"), [(MOST_TRIES - 1, "Restarted"), (MOST_TRIES, "Unavailable")])
async def test_a_workload_that_another_client_changes_meanwhile_is_read_again(meddled: int, result: str) -> None:
    stage = Stage()
    put(stage, TRADER)
    left = [None] * meddled

    async def meddle() -> None:
        if left:
            left.pop()
            stage.cluster.put(place(TRADER), stage.cluster.objects[place(TRADER)])

    stage.at["before-restart"] = meddle
    outcome = await stage.restart(context(stage, Rollout((TRADER,), "Always")))
    assert [result] == results(outcome)


async def test_two_operators_make_one_restart() -> None:
    stage = Stage()
    put(stage, TRADER)
    other = Stage(cluster=stage.cluster)

    async def overtake() -> None:
        del stage.at["before-restart"]
        assert ["Restarted"] == results(await other.restart(context(other, Rollout((TRADER,), "Always"))))

    stage.at["before-restart"] = overtake
    outcome = await stage.restart(context(stage, Rollout((TRADER,), "Always")))
    assert ["Current"] == results(outcome)
    assert [] == reasons(outcome)


async def test_without_the_operators_consent_no_request_is_made() -> None:
    stage = Stage()
    put(stage, TRADER)
    known = RolloutStatus(1, OLD, workloads=(WorkloadState(TRADER, "uid-1", Stamp(OLD, NOW), "Current"),))
    outcome = await stage.restart(context(stage, previous=known, rollout_allowed=False))
    assert [] == stage.cluster.journal
    assert ["RolloutNotAllowed"] == reasons(outcome)
    assert "--allow-rollout-restarts" in outcome.notes[0].message
    assert outcome.rollout is not None
    assert ("RolloutNotAllowed", "", known.workloads) == (
        outcome.rollout.reason,
        outcome.rollout.token_version,
        outcome.rollout.workloads,
    )
