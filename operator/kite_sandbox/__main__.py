"""`python -m kite_sandbox`: run the fake broker until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from kite_sandbox.fields import BadRequest
from kite_sandbox.registration import seed
from kite_sandbox.server.listeners import Addresses, listening
from kite_sandbox.server.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    addresses: Addresses
    seed: Path | None
    ready_file: Path | None
    verbose: bool
    until_stdin_closes: bool


def parse(arguments: list[str]) -> Options:
    """Read the command line; exits with a message if it is wrong."""
    parser = argparse.ArgumentParser(prog="kite_sandbox", description="A faithful fake of Kite for tests and demos.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--api-port", type=int, default=0, help="port of the API host; 0 takes a free one")
    parser.add_argument("--login-port", type=int, default=0, help="port of the login host; 0 takes a free one")
    parser.add_argument("--admin-port", type=int, default=0, help="port of the admin API; 0 takes a free one")
    parser.add_argument("--seed", type=Path, help="JSON file with switches, apps and accounts to start with")
    parser.add_argument("--ready-file", type=Path, help="file to write the URLs to, as JSON, when listening")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when standard input ends, so as not to outlive a parent"
    )
    parser.add_argument("--verbose", action="store_true", help="log one line per call to standard error")
    given = parser.parse_args(arguments)
    addresses = Addresses(given.host, given.api_port, given.login_port, given.admin_port)
    return Options(addresses, given.seed, given.ready_file, given.verbose, given.until_stdin_closes)


async def run(options: Options) -> None:
    """Serve until told to stop."""
    sandbox = Sandbox()
    if options.seed is not None:
        seed(sandbox.world, json.loads(options.seed.read_text()))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end_of_input, stop)
    async with listening(sandbox, options.addresses) as urls:
        announcement = json.dumps({f"{name}_url": url for name, url in asdict(urls).items()})
        if options.ready_file is not None:
            _write_atomically(options.ready_file, announcement)
        print(announcement, flush=True)  # noqa: T201 - the line is the command's interface
        await stop.wait()


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _write_atomically(path: Path, content: str) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(content + "\n")
    scratch.replace(path)


def main() -> int:
    """The command; returns its exit status."""
    options = parse(sys.argv[1:])
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(asctime)s %(message)s")
    try:
        asyncio.run(run(options))
    except (OSError, BadRequest, ValueError) as problem:
        print(f"kite_sandbox: {problem}", file=sys.stderr)  # noqa: T201 - a command's error goes to its user
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
