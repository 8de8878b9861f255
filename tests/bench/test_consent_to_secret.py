"""How long a person waits at the end of a login: from the browser's return to the derived Secret, and to the page.

It prints figures and decides nothing: machines are noisy. BENCH_ROUNDS (1 by default) repeats it for better ones.
"""

import os
import statistics
import time

from bench.test_apply_to_secret import arrivals
from support.login_page import Person, at_kite, desk, serve_login_page
from support.world import World

LOGINS = 30 * int(os.environ.get("BENCH_ROUNDS", "1"))


def test_from_consent_to_secret(world: World) -> None:
    page = serve_login_page(world, "--log-level", "info")
    apps = {f"one-{n}": desk(world, page, f"one-{n}", f"AB{n:04d}")[0] for n in range(LOGINS + 1)}
    to_secret: list[float] = []
    to_page: list[float] = []
    with Person(page.public) as person, arrivals(world) as seen:
        person.enter()
        for name, app in apps.items():
            location = person.start(f"/login/{world.namespace}/{name}").headers["Location"]
            back = at_kite(world.sandbox, f"AB{int(name[4:]):04d}", app, location)
            started = time.perf_counter()
            result = person.get(person.get(back).headers["Location"]).text
            to_page.append((time.perf_counter() - started) * 1000)
            assert "You are logged in" in result
            to_secret.append((seen[f"{name}-token"] - started) * 1000)
    print()  # noqa: T201 - a benchmark prints
    for title, values in (("consent to Secret", to_secret[1:]), ("consent to page", to_page[1:])):
        p95 = sorted(values)[int(len(values) * 0.95)]
        figures = f"p50 {statistics.median(values):.0f} ms, p95 {p95:.0f} ms, max {max(values):.0f} ms"
        print(f"{title:>18}: {figures}, n={len(values)}")  # noqa: T201 - a benchmark prints
