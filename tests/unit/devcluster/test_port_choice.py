"""Free ports that stay free."""

import random
import socket
from pathlib import Path

import pytest

from devcluster import ports
from devcluster.errors import DevclusterError
from devcluster.ports import LOOPBACK, free_ports, highest_port, is_free


def test_the_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    chosen = free_ports(20)
    assert len(set(chosen)) == 20
    assert all(20000 <= port < highest_port() for port in chosen)


def test_a_port_in_use_is_not_chosen() -> None:
    seeded = [random.Random(7) for _ in range(2)]  # noqa: S311 - the same order twice, not a secret
    (first,) = free_ports(1, choose=seeded[0])
    with socket.create_server((LOOPBACK, first)):
        assert not is_free(first)
        assert first not in free_ports(5, choose=seeded[1])


def test_no_free_port_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(DevclusterError, match="no 3 free ports from 20000 to"):
        free_ports(3)


@pytest.mark.parametrize(
    ("content", "expected"), [("40000\t60999\n", 40000), ("1024\t65535\n", 32768), ("", 32768), ("many few", 32768)]
)
def test_the_upper_end_is_the_kernels(tmp_path: Path, content: str, expected: int) -> None:
    file = tmp_path / "ip_local_port_range"
    file.write_text(content)
    assert expected == highest_port(file)


def test_the_upper_end_without_the_kernels_word_is_its_default(tmp_path: Path) -> None:
    assert highest_port(tmp_path / "absent") == 32768
