"""docs/licences.md: each locked distribution with its licence."""

from collections.abc import Iterable
from typing import Final

from supply_chain.installed import Installed
from supply_chain.licences import ACCEPTED_BECAUSE, licence_of, named_in
from supply_chain.lock import Locked

_HEAD: Final = """\
# Licences

The operator is under the [Apache License 2.0](../LICENSE). This is what its images hold beside it: every Python
distribution that `requirements/` locks for them on Linux, with the licence that its authors declare, as an
[SPDX](https://spdx.org/licenses/) expression. `make licences` writes this page. `make check` fails when it is out of
step, when a licence is not one of those that the project [accepts](../tools/supply_chain/licences.py), and when a
distribution does not bring the text of its licence along.

The texts are in the images, in each distribution's folder `*.dist-info`. The packages of the base image have theirs in
`/usr/share/doc/*/copyright`, where the base keeps that folder. Versions are in the
[bill of materials](supply-chain.md#what-is-in-it). This page is a list and no legal advice.

| distribution | licence |
|---|---|
"""


def page(contents: Iterable[tuple[Locked, Installed]]) -> str:
    """The whole page."""
    licences = [(locked, licence_of(locked.name, installed.declared)) for locked, installed in contents]
    lines = [f"| {locked.name} | {licence} |\n" for locked, licence in licences]
    named = frozenset[str]().union(*(named_in(licence) for _, licence in licences))
    reasons = [f"\n{name} {why}.\n" for name, why in ACCEPTED_BECAUSE.items() if name in named]
    return "".join([_HEAD, *lines, *reasons])
