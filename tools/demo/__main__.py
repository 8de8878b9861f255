"""`make demo` runs `python -m demo`; KEEP=1 adds --keep."""

import argparse
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from demo.actors import ROOT, Actors, last_lines
from demo.context import DemoContext
from demo.errors import NotVerified
from demo.poke import instructions
from demo.sample import Sample
from demo.screen import Screen, play, screen_for, survive_odd_terminals
from demo.story import Story, stop_everything
from devcluster import DevclusterError
from kite_operator.model.expiry import IST

SAMPLE: Final = ROOT / "deploy" / "samples" / "totp.yaml"
_INTERRUPTED: Final = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every step was verified, 1 when one was not, 130 after Ctrl-C; nothing stays in any case."""
    given = _parser().parse_args(arguments)
    survive_odd_terminals()
    if importlib.util.find_spec("support") is None:
        print("demo: run it as `make demo`; by hand: PYTHONPATH=tests python -m demo", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    screen = screen_for(sys.stdout, os.environ)
    try:
        return run(screen, given.sample.resolve(), given.day, keep=given.keep)
    except KeyboardInterrupt:
        screen.line()
        screen.failed("interrupted; everything that was started has been stopped")
        return _INTERRUPTED


def run(screen: Screen, sample: Path, day: date, *, keep: bool) -> int:
    """The whole demo, begun on `day` in India; what it started has ended at the end, unless it is to be kept."""
    cleanup = ExitStack()
    try:
        return _tell(screen, sample, day, cleanup, keep=keep)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C must not stop this half-way
        cleanup.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _tell(screen: Screen, sample: Path, day: date, cleanup: ExitStack, *, keep: bool) -> int:
    begun = time.monotonic()
    screen.line("kite-operator, from an empty machine to the daily refresh. Kubernetes and the operator are the real")
    screen.line("ones; Kite is a sandbox, and every credential is made up. Nothing leaves this machine.")
    actors = Actors(Path(tempfile.mkdtemp(prefix="kite-demo-")))
    cleanup.callback(actors.close)
    try:
        context = DemoContext(Sample.read(sample), screen, actors, cleanup, kept=keep)
        play([*Story(context, day).steps(), *([] if keep else [stop_everything(context)])], screen)
    except (NotVerified, DevclusterError) as error:
        screen.say(str(error))
        _show_log(screen, actors.operator_log)
        return 1
    except Exception:  # a fault of the demo itself: its traceback follows
        _show_log(screen, actors.operator_log)
        raise
    screen.line()
    screen.line(f"Every step was verified, in {time.monotonic() - begun:.1f} seconds.")
    if keep:
        _leave(context)
    return 0


def _leave(context: DemoContext) -> None:
    """Say how to poke at it, then let go of everything: of both supervisors or, when this is interrupted, of none."""
    context.screen.line("Everything keeps running, and its time goes on. How to poke at it, in this shell:")
    context.screen.line()
    context.screen.say(instructions(context))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    context.plane.detach()
    context.actors.detach()


def _show_log(screen: Screen, log: Path) -> None:
    """The end of the operator's log, and a copy that stays; it holds no secret (P4)."""
    if not log.exists():
        return
    descriptor, kept = tempfile.mkstemp(prefix="kite-demo-operator-", suffix=".log")
    os.close(descriptor)
    shutil.copyfile(log, kept)
    screen.say("The last lines of the operator's log:")
    screen.evidence(last_lines(log))
    screen.say(f"The whole log: {kept}")


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # unlike the signal's default, this runs the clean-up


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="The whole product on this machine, step by step.")
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say how to poke at it")
    parser.add_argument(
        "--sample", type=Path, default=SAMPLE, help="another file of a KiteCredential of mode TOTP and its Secrets"
    )
    parser.add_argument(
        "--day",
        type=date.fromisoformat,
        default=datetime.now(IST).date(),
        help="on which it begins, such as 2027-01-01; today in India by default",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
