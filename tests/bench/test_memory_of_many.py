"""What an operator weighs that has many credentials of one app to look after: here in mode Manual, all of them waiting.

It prints figures and decides nothing. BENCH_CREDENTIALS (1,000 by default) is how many.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.test_apply_to_secret import resident_mib
from support.operators import OperatorProcess
from support.world import World

NUMBER = int(os.environ.get("BENCH_CREDENTIALS", "1000"))
AT_ONCE = 8
LOOK_SECONDS = 5.0


def waiting(operator: OperatorProcess) -> int:
    """How many credentials are known to need a login."""
    lines = operator.get("/metrics")[1].splitlines()
    return sum(line.startswith("kite_credential_login_required{") and line.endswith(" 1.0") for line in lines)


@pytest.mark.timeout(1200)
def test_the_memory_of_many_credentials(world: World) -> None:
    app, account = world.broker()
    world.sources(app, account, "desk")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        source = {"name": "desk-app"}
        list(
            pool.map(
                lambda each: world.credential(f"client-{each:05}", f"A{each:05}", "Manual", appSecretRef=source),
                range(NUMBER),
            )
        )
    began = time.monotonic()
    operator = world.operator()
    idle = resident_mib(operator.process.pid)
    while waiting(operator) < NUMBER:
        time.sleep(LOOK_SECONDS)
    took = time.monotonic() - began
    print(  # noqa: T201 - a benchmark prints
        f"\nresident set: {idle:.0f} MiB at the start, {resident_mib(operator.process.pid):.0f} MiB with {NUMBER} "
        f"credentials, all looked at and scraped after {took:.0f} s"
    )
