"""The command line: `python -m devcluster up|down|status|kubeconfig|run|fetch`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NoReturn

from devcluster.binaries import BINARIES, CONTROL_PLANE
from devcluster.cache import cache_root
from devcluster.controlplane import KUBECONFIG_VARIABLE, ControlPlane, Options
from devcluster.errors import DevclusterError, UsageError
from devcluster.record import Record, Slot
from devcluster.resolve import Resolver
from devcluster.supervisor import die_with_parent

_NOT_RUNNING: Final = 3  # as `systemctl status` says it
_TERMINATION_GRACE: Final = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_parsed("devcluster", _parser().parse_args(argv))


def run_parsed(program: str, arguments: argparse.Namespace) -> int:
    """Call what the parser of `program` has put in `run` and return the exit code; trouble is told in a line."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code: int = arguments.run(arguments)
    except DevclusterError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: interrupted; everything that was started has been stopped\n")
        return 128 + signal.SIGINT
    return code


def _terminate(signum: int, _: object) -> NoReturn:
    raise SystemExit(128 + signum)  # unlike the signal's default, this runs the `finally` blocks


def _up(arguments: argparse.Namespace) -> int:
    given = Options().kubeconfig
    if given is not None:
        print(f"{KUBECONFIG_VARIABLE} is set: that cluster is used and nothing is started\nexport KUBECONFIG={given}")
        return 0
    slot = _slot(arguments)
    with slot.lock():
        running = slot.read()
        if running is not None and running.supervisor.alive():
            if arguments.controllers and "kube-controller-manager" not in running.components:
                raise UsageError(
                    f"{slot.name} runs without controllers: `python -m devcluster down --name {slot.name}` first"
                )
            print(f"{slot.name} is up already at {running.server}")
        else:
            running = _start_detached(arguments, slot)
    print(f"export KUBECONFIG={running.kubeconfig}")
    print(f"kubectl: {running.kubectl}")
    return 0


def _start_detached(arguments: argparse.Namespace, slot: Slot) -> Record:
    slot.clear()
    begun = time.monotonic()
    plane = ControlPlane.start(replace(_options(arguments), kubeconfig=None, folder=slot.folder))
    try:
        record = Record.of(plane)
        slot.write(record)
        plane.detach()
    except BaseException:
        plane.stop()
        raise
    print(f"{slot.name} is up at {record.server} after {time.monotonic() - begun:.1f} s")
    return record


def _down(arguments: argparse.Namespace) -> int:
    slot = _slot(arguments)
    with slot.lock():
        print(f"{slot.name} is stopped" if slot.clear() else f"{slot.name} was not running")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    slot = _slot(arguments)
    record = slot.read()
    if record is None:
        print(f"{slot.name} is not running")
        return _NOT_RUNNING
    print(f"{slot.name}: {record.server}\nkubeconfig: {record.kubeconfig}\nkubectl: {record.kubectl}")
    alive = {name: process.alive() for name, process in record.components.items()}
    for name, process in record.components.items():
        print(f"{name}: {f'running, process {process.pid}' if alive[name] else 'ended'}")
    return 0 if all(alive.values()) else _NOT_RUNNING


def _kubeconfig(arguments: argparse.Namespace) -> int:
    given = Options().kubeconfig
    if given is not None:
        print(given)
        return 0
    slot = _slot(arguments)
    record = slot.read()
    if record is None or not record.supervisor.alive():
        raise UsageError(f"{slot.name} is not running: `python -m devcluster up --name {slot.name}` first")
    print(record.kubeconfig)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError("say what to run: python -m devcluster run -- COMMAND [ARGUMENT…]")
    with ControlPlane.start(_options(arguments)) as plane:
        return run_command(command, plane.environment)


def run_command(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run a person's command, which ends with this process; returns its exit code."""
    me = os.getpid()
    try:
        process = subprocess.Popen(  # noqa: S603 - the person's own command
            command,
            env=environment,
            preexec_fn=lambda: die_with_parent(me, signal.SIGTERM),  # noqa: PLW1509 - this program has one thread
        )
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be run: {error.strerror}") from error
    try:
        code = process.wait()
    except KeyboardInterrupt:  # the terminal has sent it to the command too; the command decides when it is done
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_TERMINATION_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return code if code >= 0 else 128 - code


def _fetch(arguments: argparse.Namespace) -> int:
    unknown = [name for name in arguments.names if name not in BINARIES]
    if unknown:
        raise UsageError(f"unknown: {', '.join(unknown)}; the programs are {', '.join(BINARIES)}")
    for name, path in Resolver().resolve(arguments.names or CONTROL_PLANE).items():
        print(f"{name}: {path}")
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    return Options(controllers=arguments.controllers, fsync=arguments.fsync)


def _slot(arguments: argparse.Namespace) -> Slot:
    return Slot(cache_root(os.environ), arguments.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devcluster", description="A real Kubernetes control plane on loopback."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="default", help="which control plane (several can run; default: %(default)s)")
    starting = argparse.ArgumentParser(add_help=False)
    starting.add_argument(
        "--controllers",
        action="store_true",
        help="also kube-controller-manager: garbage collection, ServiceAccounts, Deployments",
    )
    starting.add_argument("--fsync", action="store_true", help="let etcd write through to the disk")

    up = commands.add_parser("up", parents=[named, starting], help="start one and leave it running")
    up.set_defaults(run=_up)
    down = commands.add_parser("down", parents=[named], help="stop it and remove its data")
    down.set_defaults(run=_down)
    status = commands.add_parser("status", parents=[named], help="what runs; exit code 3 when not all of it does")
    status.set_defaults(run=_status)
    path = commands.add_parser("kubeconfig", parents=[named], help="print the path of its kubeconfig")
    path.set_defaults(run=_kubeconfig)
    run = commands.add_parser("run", parents=[starting], help="run a command with a control plane of its own")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    run.set_defaults(run=_run)
    fetch = commands.add_parser("fetch", help="build ahead of time what is missing")
    fetch.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BINARIES)}")
    fetch.set_defaults(run=_fetch)
    return parser
