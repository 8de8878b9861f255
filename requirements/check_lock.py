"""Fails when a locked requirements file does not satisfy pyproject.toml: then `make lock` has been forgotten."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def problems(locked: Path, wanted: list[str]) -> list[str]:
    """What of `wanted` the file does not pin to an allowed version."""
    pinned = {canonicalize_name(m["name"]): m["version"] for m in _PINNED.finditer(locked.read_text())}
    found = []
    for text in wanted:
        requirement = Requirement(text)
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{locked.name}: {text} is not satisfied (locked: {version})")
    return found


def main(arguments: list[str]) -> int:
    """Check the files; with `--extra NAME` print what that extra asks for, and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    if arguments[:1] == ["--extra"]:
        print("\n".join(extras[arguments[1]]))  # noqa: T201 - a command line
        return 0
    base = project["project"]["dependencies"] + extras["operator"]
    traced = base + extras["tracing"]
    everything = traced + extras["sandbox"] + project["dependency-groups"]["dev"]
    wanted = {"operator.txt": base, "tracing.txt": traced, "dev.txt": everything, "sandbox.txt": extras["sandbox"]}
    found = [line for name, asked in wanted.items() for line in problems(ROOT / "requirements" / name, asked)]
    for line in found:
        print(f"{line}: run `make lock`", file=sys.stderr)  # noqa: T201 - a command line
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
