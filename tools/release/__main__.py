"""`python -m release`: set the version everywhere and cut the changelog, check that all agree, print notes, package."""

import argparse
import os
import re
import sys
from datetime import date
from pathlib import Path

from devcluster.errors import DevclusterError
from devcluster.resolve import Resolver
from image.inputs import LONG_AGO
from release.changelog import NothingToRelease, cut, notes
from release.package import Programs, Unnamed, package
from release.places import NUMBER, current, places, write

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("kite-operator", "kite-operator-sandbox")
"""As the chart and the manifests name them."""


def problems(root: Path, version: str | None) -> list[str]:
    """Places that disagree with the source; with a version also what is missing to release it."""
    wanted = version or current(root)
    wrong = [
        f"{place.file}:{place.line} says {place.version}, not {wanted}"
        for place in places(root)
        if place.version != wanted
    ]
    if version and not notes((root / "CHANGELOG.md").read_text(), version):
        wrong.append(f"CHANGELOG.md has no section [{version}]")
    return wrong


def prepare(root: Path, version: str, day: str) -> None:
    """Write the version and the changelog. Raises NothingToRelease before anything is written."""
    changelog = root / "CHANGELOG.md"
    text = cut(changelog.read_text(), version, day)
    for file in write(root, version):
        print(f"written: {file}")
    changelog.write_text(text)
    print(f"written: {changelog.name}")


def package_all(root: Path, images: dict[str, str]) -> int:
    """The chart and the install manifest into dist/."""
    try:
        found = Resolver().resolve(["helm", "kubectl"])
        when = int(os.environ.get("SOURCE_DATE_EPOCH") or LONG_AGO)
        made = package(root, Programs(found["helm"], found["kubectl"], when), images, root / "dist")
    except (Unnamed, DevclusterError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*made, sep="\n")
    return 0


def main(arguments: list[str], root: Path = ROOT) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    parser.add_argument("what", choices=["check", "prepare", "notes", "package"])
    parser.add_argument("version", nargs="?", help="such as 0.2.0 or 0.2.0-rc.1, without v")
    parser.add_argument("--date", default=date.today().isoformat(), help="of the release")  # noqa: DTZ011 - a person's day
    for name in IMAGES:
        parser.add_argument(f"--{name}", metavar="REFERENCE", help="package: where the image is, with its digest")
    options = parser.parse_args(arguments)
    if options.what == "package":
        return package_all(root, {name: getattr(options, name.replace("-", "_")) or "" for name in IMAGES})
    if options.version and not re.fullmatch(NUMBER, options.version):
        parser.error(f"{options.version} is not of the form 0.2.0 or 0.2.0-rc.1")
    if options.what != "check" and not options.version:
        parser.error("which version?")
    if options.what == "notes":
        print(notes((root / "CHANGELOG.md").read_text(), options.version))
        return 0
    try:
        if options.what == "prepare":
            prepare(root, options.version, options.date)
    except NothingToRelease as error:
        print(error, file=sys.stderr)
        return 1
    found = problems(root, options.version)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
