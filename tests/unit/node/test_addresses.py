"""Each cluster has addresses of its own, none of which is anybody else's."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from node.addresses import BLOCKS, MOST_NODES, Block

BENCHMARKS = IPv4Network("198.18.0.0/15")  # RFC 2544


def test_every_block_is_in_the_range_that_no_network_has() -> None:
    assert all(Block(number).everything.subnet_of(BENCHMARKS) for number in range(BLOCKS))


def test_no_two_blocks_overlap() -> None:
    blocks = [Block(number).everything for number in range(BLOCKS)]
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_the_machine_the_nodes_and_their_pods_are_apart_and_in_the_block() -> None:
    block = Block(5)
    nodes = [block.node(number) for number in range(1, MOST_NODES + 1)]
    pods = [block.pods(number) for number in range(1, MOST_NODES + 1)]
    assert len({block.machine, *nodes}) == MOST_NODES + 1
    assert not any(address in network for address in (block.machine, *nodes) for network in pods)
    assert not any(one.overlaps(other) for one, other in combinations(pods, 2))
    assert all(network.subnet_of(block.everything) for network in pods)


def test_a_node_for_which_there_is_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no node 4: a block has room for 3"):
        Block(0).pods(4)


def test_the_kernel_takes_the_name_of_every_interface() -> None:
    assert max(len(Block(number).link) for number in range(BLOCKS)) <= 15
