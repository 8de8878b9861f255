"""A shell in which the commands of a page are typed in as they stand there."""

import re
import subprocess
from dataclasses import dataclass

from support.documents import ROOT, blocks, section


@dataclass(frozen=True, slots=True)
class Terminal:
    """In the checkout; its kubectl speaks to the test's cluster. Lines with one of `not_here` in them are left out."""

    page: str
    environment: dict[str, str]
    not_here: tuple[str, ...] = ()

    def type_in(self, title: str, *, number: int = 0, stdin: str = "") -> str:
        """Type one block of commands of a section; returns what they print."""
        text = re.sub(r"^\$ ", "", blocks(section(self.page, title), "console")[number], flags=re.MULTILINE)
        lines = [line for line in text.splitlines() if not any(each in line for each in self.not_here)]
        done = subprocess.run(  # noqa: S603 - the project's own documentation
            ["/bin/bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            env=self.environment,
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout
