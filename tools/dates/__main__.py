"""`python -m dates`: each command on each date; the output of what fails is shown."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from dates.matrix import MOMENTS, Moment, faked, faked_commands, told_commands
from devcluster import debian
from devcluster.cache import cache_root
from devcluster.errors import PackageError

_LAST_LINES = 60


def main() -> int:
    """Exit code 1 when a command failed on one of the dates, 2 where libfaketime cannot be had."""
    try:
        library = _library()
    except PackageError as error:
        print(f"dates: {error}", file=sys.stderr)
        return 2
    failed = [name for moment in MOMENTS for name in _tried(moment, library)]
    print("\n".join(["", "failed:", *failed]) if failed else "every date passed")
    return 1 if failed else 0


def _tried(moment: Moment, library: Path) -> list[str]:
    """The commands that failed at the moment."""
    print(f"{moment.at} in India, {moment.what} (TZ={moment.zone})", flush=True)
    now = datetime.now(UTC)
    with_clock = [(each, faked(moment, library, now, os.environ)) for each in faked_commands()]
    with_day = [(each, {**os.environ, "PYTHONPATH": "tests", "TZ": moment.zone}) for each in told_commands(moment)]
    return [
        f"{moment.at}: {' '.join(command[1:])}"
        for command, variables in with_clock + with_day
        if not _run(command, variables)
    ]


def _run(command: tuple[str, ...], variables: dict[str, str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - ours
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    lines = done.stdout.rstrip().splitlines()
    said = "passed" if done.returncode == 0 else "FAILED"
    print(f"  {said} in {time.monotonic() - began:.0f} s: {' '.join(command[1:])}", flush=True)
    if done.returncode:
        print("\n".join(f"    {line}" for line in lines[-_LAST_LINES:]), flush=True)
    return done.returncode == 0


def _library() -> Path:
    """Debian's, unpacked into the cache."""
    folder = cache_root(os.environ) / "tools" / "libfaketime-debian"
    debian.unpack(["libfaketime"], folder)
    (found,) = folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
