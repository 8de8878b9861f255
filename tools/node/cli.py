"""The command line: `python -m node check|fetch|run`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from devcluster.cli import run_command, run_parsed
from devcluster.errors import UsageError
from devcluster.resolve import Resolver
from node import machine, programs
from node.addresses import MOST_NODES
from node.cluster import Cluster


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_parsed("node", _parser().parse_args(argv))


def _check(_: argparse.Namespace) -> int:
    machine.check()
    print("this machine can run a real node")
    return 0


def _fetch(_: argparse.Namespace) -> int:
    Resolver().resolve()
    for name, path in programs.resolve().kubernetes.items():
        print(f"{name}: {path}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError("say what to run: python -m node run -- COMMAND [ARGUMENT…]")
    with Cluster.start(arguments.nodes) as cluster:
        for image_archive in arguments.image:
            cluster.load(image_archive)
        return run_command(command, cluster.plane.environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m node", description="A real cluster with nodes, on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="whether this machine can run a node, and what it lacks")
    check.set_defaults(run=_check)
    fetch = commands.add_parser("fetch", help="build or unpack ahead of time what is missing")
    fetch.set_defaults(run=_fetch)
    run = commands.add_parser("run", help="run a command with a cluster of its own")
    run.add_argument("--nodes", type=int, choices=range(1, MOST_NODES + 1), default=1, help="how many nodes")
    run.add_argument("--image", type=Path, action="append", default=[], help="a docker-archive to give to the nodes")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    run.set_defaults(run=_run)
    return parser
