"""Runs the small programs that make a node what it is, here or inside of the node."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from devcluster.errors import DevclusterError

_PATIENCE_SECONDS: Final = 120.0


class CommandFailed(DevclusterError):
    """A program that sets a node up did not succeed; the message has what it said."""


def run(command: Sequence[str], *, input_text: str | None = None) -> str:
    """Return what the program writes to its standard output. Raises CommandFailed."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of util-linux, iproute2 and containerd
            command, input=input_text, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"`{' '.join(command)}` did not run ({type(error).__name__})") from error
    if done.returncode != 0:
        raise CommandFailed(f"`{' '.join(command)}`: {done.stderr.strip()[-600:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Inside:
    """The namespaces of a process, for programs to be run in; all of them, or its network alone."""

    pid: int
    network_alone: bool = False

    def command(self, *words: str) -> list[str]:
        """The command line that runs these words there."""
        more = () if self.network_alone else ("--mount", "--pid")
        return ["nsenter", f"--target={self.pid}", "--net", *more, "--", *words]

    def run(self, *words: str, input_text: str | None = None) -> str:
        """Return what the program writes to its standard output. Raises CommandFailed."""
        return run(self.command(*words), input_text=input_text)
