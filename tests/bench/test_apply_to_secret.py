"""How long a person waits: from the POST of a KiteCredential to the derived Secret, and what the operator weighs.

It prints figures and decides nothing: machines are noisy. BENCH_ROUNDS (1 by default) repeats it for better ones.
"""

import json
import os
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from support.world import World

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
AT_ONCE = 20


@contextmanager
def arrivals(world: World) -> Iterator[dict[str, float]]:
    """When each derived Secret came, by its name: one watch, so that the measuring does not load what it measures."""
    seen: dict[str, float] = {}
    connection, answer = world.api.watch(world.path("secrets"), "kite-operator.dev/role=target")

    def read() -> None:
        while line := answer.readline():
            seen.setdefault(json.loads(line)["object"]["metadata"]["name"], time.perf_counter())

    reader = threading.Thread(target=read, name="arrivals")
    reader.start()
    try:
        yield seen
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)
        reader.join()
        answer.close()
        connection.close()


def prepare(world: World, names: list[str], first: int) -> None:
    """App, account and Secrets of every credential, before the clock starts."""
    for number, name in enumerate(names, first):
        app, account = world.broker(f"AB{number:04d}")
        world.sources(app, account, name)


def measure(world: World, names: list[str], first: int) -> list[float]:
    """Milliseconds for each of `names`, applied at once."""
    prepare(world, names, first)
    started: dict[str, float] = {}

    def apply(item: tuple[int, str]) -> None:
        number, name = item
        started[name] = time.perf_counter()
        world.credential(name, f"AB{number:04d}")

    # A code near the end of its window is waited for: that wait is not what is measured.
    if world.clock.now() % 30 > 20:
        time.sleep(30 - world.clock.now() % 30)
    with arrivals(world) as seen, ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(apply, enumerate(names, first)))
        world.until(lambda: all(f"{name}-token" in seen for name in names), "all derived Secrets")
    return [(seen[f"{name}-token"] - started[name]) * 1000 for name in names]


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def test_from_apply_to_secret(world: World) -> None:
    started = world.operator("--log-level", "info")
    world.api.warm(AT_ONCE)
    idle = resident_mib(started.process.pid)
    measure(world, ["warm-up"], 900)  # the watches of an operator that has just started
    single = [measure(world, [f"one-{n}"], n)[0] for n in range(1, 1 + 10 * ROUNDS)]
    many: list[float] = []
    for number in range(ROUNDS):
        first = 1000 + 100 * number
        many += measure(world, [f"many-{first + n}" for n in range(AT_ONCE)], first)
    print()  # noqa: T201 - a benchmark prints
    for title, values in (("one at a time", single), (f"{AT_ONCE} at once", many)):
        ordered = sorted(values)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        print(  # noqa: T201 - a benchmark prints
            f"{title:>14}: p50 {statistics.median(values):.0f} ms, p99 {p99:.0f} ms, "
            f"min {ordered[0]:.0f} ms, max {ordered[-1]:.0f} ms, n={len(values)}"
        )
    after = resident_mib(started.process.pid)
    print(f"  resident set: {idle:.0f} MiB idle, {after:.0f} MiB after {len(single) + len(many)} credentials")  # noqa: T201
    assert len(single) + len(many) == sum(
        each is not None for each in (world.target(f"{n}-token") for n in _names(ROUNDS))
    )


def _names(rounds: int) -> list[str]:
    single = [f"one-{n}" for n in range(1, 1 + 10 * rounds)]
    return single + [f"many-{1000 + 100 * r + n}" for r in range(rounds) for n in range(AT_ONCE)]
