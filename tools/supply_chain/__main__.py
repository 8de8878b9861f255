"""`python -m supply_chain`: writes the bills of materials into dist/ and docs/licences.md, checks, or audits."""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from supply_chain.audit import FOUND, audit
from supply_chain.bom import moment
from supply_chain.contents import LOCKS, ROOT, SITE, bill_of_archive, bill_of_lock, contents_of
from supply_chain.installed import OutOfStep
from supply_chain.licences import Unclear, problems
from supply_chain.page import page

PAGE = ROOT / "docs" / "licences.md"
DIST = ROOT / "dist"


def write_bills() -> None:
    """One for each lock."""
    for name, lock in LOCKS.items():
        _write(DIST / f"{name}.cdx.json", bill_of_lock(name, lock, _made_at()))


def write_bill_of_archive(name: str, archive: Path) -> None:
    """Write the bill of a built image: its locked distributions as installed, and the packages of its base."""
    _write(DIST / f"{name}-image.cdx.json", bill_of_archive(name, LOCKS[name], archive, _made_at()))


def _made_at() -> datetime | None:
    return moment(os.environ.get("SOURCE_DATE_EPOCH"))


def check() -> list[str]:
    """Return what is wrong with the licences, or with the page that lists them."""
    contents = list(contents_of(LOCKS.values(), SITE))
    found = problems((installed.name, installed.declared, installed.licence_files) for _, installed in contents)
    if not PAGE.exists() or page(contents) != PAGE.read_text():
        found.append(f"{PAGE.relative_to(ROOT)} is out of step: run `make licences`")
    return found


def audit_all(service: str | None) -> int:
    """Tell what is known against each lock; the worst of their exit codes: found before not asked before sound."""
    verdicts = [audit(lock, service) for lock in LOCKS.values()]
    print(*(line for verdict in verdicts for line in verdict.lines), sep="\n")
    codes = {verdict.code for verdict in verdicts}
    return FOUND if FOUND in codes else max(codes)


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="supply_chain", description=__doc__)
    parser.add_argument("what", choices=["bom", "licences", "check", "audit"])
    parser.add_argument("--image", choices=sorted(LOCKS), default="kite-operator", help="bom: which image it is")
    parser.add_argument("--archive", type=Path, help="bom: an image as docker save writes it: its bill instead")
    parser.add_argument("--service", help="audit: the address of a mirror of OSV, instead of OSV")
    options = parser.parse_args(arguments)
    if options.what == "audit":
        return audit_all(options.service)
    try:
        found = _do(options)
    except (OutOfStep, Unclear) as error:
        found = [str(error)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


def _do(options: argparse.Namespace) -> list[str]:
    if options.what == "check":
        return check()
    if options.what == "licences":
        _write(PAGE, page(contents_of(LOCKS.values(), SITE)))
    elif options.archive:
        write_bill_of_archive(options.image, options.archive)
    else:
        write_bills()
    return []


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
