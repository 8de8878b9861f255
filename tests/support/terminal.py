"""A shell in which the commands of a page are typed in as they stand there."""

import re
import subprocess
from dataclasses import dataclass

from support.documents import blocks, section


@dataclass(frozen=True, slots=True)
class Terminal:
    """Its kubectl speaks to the test's namespace."""

    page: str
    environment: dict[str, str]

    def type_in(self, title: str, *, number: int = 0, stdin: str = "") -> str:
        """Type one block of commands of a section; returns what they print."""
        text = re.sub(r"^\$ ", "", blocks(section(self.page, title), "console")[number], flags=re.MULTILINE)
        done = subprocess.run(  # noqa: S603 - the project's own documentation
            ["/bin/bash", "-euo", "pipefail", "-c", text],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout
