"""Which tests the workers of pytest-xdist are given together."""

import pytest

from support.ports import _own, free_port
from support.side_by_side import group_of, suite_of

FAULT = "tests/cluster/test_every_fault.py::test_a_fault"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tests/unit/model/test_links.py::test_a", "tests/unit/model/test_links.py::test_b[x]"),
        ("tests/contract/test_command.py::test_a", "tests/contract/test_command.py::test_b"),
        ("tests/e2e/test_node.py::test_a", "tests/e2e/test_install.py::test_b"),
        ("tests/image/test_alone.py::test_a", "tests/image/test_licences.py::test_b"),
        ("tests/cluster/test_rollout_policy.py::test_a", "tests/cluster/test_rollout_policy.py::test_b"),
        ("tests/chart/test_releases.py::test_a", "tests/chart/test_releases.py::test_b"),
        ("tests/browser/test_login.py::test_a", "tests/browser/test_login.py::test_b"),
        (f"{FAULT}[TOTP-totp-slow]", f"{FAULT}[TOTP-proof-lost_answer]"),
        (f"{FAULT}[TOTP-probe-slow]", f"{FAULT}[TOTP-probe-html_403]"),
    ],
)
def test_what_shares_something_stays_together(one: str, other: str) -> None:
    assert group_of(one) == group_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tests/unit/model/test_links.py::test_a", "tests/unit/model/test_expiry.py::test_a"),
        ("tests/cluster/test_manual.py::test_a", "tests/cluster/test_manual.py::test_b"),
        ("tests/cluster/test_manual.py::test_a[kills_old]", "tests/cluster/test_manual.py::test_a[same_token]"),
        ("tests/chart/test_releases.py::test_a", "tests/chart/test_kustomize.py::test_a"),
        (f"{FAULT}[TOTP-totp-slow]", f"{FAULT}[Manual-proof-slow]"),
        (f"{FAULT}[TOTP-totp-slow]", f"{FAULT}[TOTP-probe-slow]"),
    ],
)
def test_what_shares_nothing_does_not(one: str, other: str) -> None:
    assert group_of(one) != group_of(other)


def test_the_longest_suites_come_first(request: pytest.FixtureRequest) -> None:
    suites = [suite_of(item.nodeid) for item in request.session.items]
    order = [each for each in ("e2e", "image", "bench", "chart", "alerts", "browser", "cluster") if each in suites]
    assert order == list(dict.fromkeys(suites))[: len(order)]


def test_two_workers_have_no_port_in_common() -> None:
    assert set() == set(_own("gw0")) & set(_own("gw1"))
    assert _own("") == _own("gw0")


def test_a_port_is_not_given_twice_in_a_row() -> None:
    ports = [free_port() for _ in range(50)]
    assert sorted(set(ports)) == sorted(ports)
