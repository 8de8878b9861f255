"""`python -m kite_operator run`."""

import signal
import sys

if __name__ == "__main__":
    # In a container this is process 1: the kernel drops a SIGTERM that it does not handle, and Kubernetes sends one.
    # The imports below take a second; until `serve` takes over this ends it as any other process would end.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))

import argparse
import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import fields

from kite_operator import __version__
from kite_operator.app import OnStep, build, log_step
from kite_operator.audit_log import set_up_audit
from kite_operator.clock import Clock, SystemClock
from kite_operator.logs import log_loop_error, set_up_hooks, set_up_logging
from kite_operator.model.errors import OperatorError
from kite_operator.settings import Settings, SettingsError, flag, load_settings, variable
from kite_operator.tracing import TracingUnavailable, exporter_of


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit code 2 for settings that cannot be used, 1 for a process that could not go on."""
    try:
        settings = parse(arguments)
        if settings.tracing:
            exporter_of()  # what is missing is found before anything is begun
    except (SettingsError, TracingUnavailable) as error:
        print(f"kite_operator: the settings cannot be used:\n{error}", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    set_up_logging(settings.log_level, settings.log_format)
    set_up_hooks()
    try:
        set_up_audit(settings.audit_log)
    except OSError:
        print(f"kite_operator: --audit-log {settings.audit_log} cannot be written", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    try:
        asyncio.run(serve(settings, SystemClock()))
    except OperatorError as error:
        logging.getLogger(__name__).critical("%s", error)
        return 1
    return 0


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """The settings from flags and environment; SettingsError lists every problem."""
    given = vars(_parser().parse_args(arguments))
    given.pop("command")
    return load_settings(given, os.environ)


async def serve(settings: Settings, clock: Clock, on_step: OnStep = log_step) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = await build(settings, clock, on_step)
    await app.run(stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kite_operator", description="Keeps Kite Connect sessions alive for trading pods."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the operator")
    for each in fields(Settings):
        run.add_argument(flag(each.name), help=f"{each.metadata['help']} ({variable(each.name)})", metavar="VALUE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
