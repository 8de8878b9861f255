"""What traces cost: a whole login in memory with no hook at all, with traces off, and with traces on.

It prints ratios and decides nothing.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kite_operator import spans
from kite_operator.act.services import Services
from kite_operator.model.resource import Key
from kite_operator.tracing import trace_to
from support.acting import Stage
from support.broker_fakes import happy_answers

ROUNDS, LOOKS = 300, 200_000
ALPHA = Key("desk", "alpha")
Hook = Callable[[Stage], AbstractContextManager[object]]


def off(stage: Stage) -> AbstractContextManager[object]:
    return spans.one_reconcile(None, stage.clock.now, ALPHA)


def bare(_stage: Stage) -> AbstractContextManager[object]:
    return nullcontext()


async def login_seconds(hook: Hook, *, traced: bool = False) -> float:
    """The median of the logins; sources of noise hit each kind alike, since the kinds take turns."""
    stage = Stage(happy_answers())
    if traced:
        values = {each.name: getattr(stage.services, each.name) for each in fields(stage.services)}
        stage.services = Services(**values | {"observe": spans.traced_steps(stage.services.observe)})
    started = time.perf_counter()
    with hook(stage), spans.action("login", "d1", "LoginInProgress"):
        await stage.log_in(stage.context())
    return time.perf_counter() - started


async def test_traces_off_and_on() -> None:
    tracing = trace_to(InMemorySpanExporter(), "bench")

    def on(stage: Stage) -> AbstractContextManager[object]:
        return spans.one_reconcile(tracing.tracer, stage.clock.now, ALPHA)

    kinds: dict[str, tuple[Hook, bool]] = {"bare": (bare, False), "off": (off, False), "on": (on, True)}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, (hook, traced) in kinds.items():
            times[name].append(await login_seconds(hook, traced=traced))
    await tracing.stop(10.0)
    medians = {name: statistics.median(each) for name, each in times.items()}
    started = time.perf_counter()
    for _ in range(LOOKS):
        with spans.step("ledger"):
            pass
    look = (time.perf_counter() - started) / LOOKS
    bare_us, ratio_off, ratio_on = (
        medians["bare"] * 1e6,
        medians["off"] / medians["bare"],
        medians["on"] / medians["bare"],
    )
    print(  # noqa: T201 - a benchmark prints
        f"\ntraces, a login in memory of {bare_us:.0f} µs: off {ratio_off:.3f} times that, on {ratio_on:.2f} times; "
        f"a step while they are off {look * 1e9:.0f} ns"
    )
