"""Every locked distribution has a licence that the project accepts, and brings its text along."""

import re
from pathlib import Path

import pytest

from supply_chain.contents import LOCKS, SITE, contents_of
from supply_chain.installed import Installed
from supply_chain.licences import ACCEPTED, READ, Declared, Unclear, licence_of, named_in, problems, refused


def distributions() -> list[Installed]:
    return [installed for _, installed in contents_of(LOCKS.values(), SITE)]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (Declared(expression="Apache-2.0 OR BSD-2-Clause"), "Apache-2.0 OR BSD-2-Clause"),
        (Declared(licence="mit"), "MIT"),
        (Declared(licence="Apache License, Version 2.0"), "Apache-2.0"),
        (Declared(licence="Copyright (c)…", classifiers=("License :: OSI Approved :: MIT License",)), "MIT"),
        (Declared(expression="ISC", licence="MIT"), "ISC"),
    ],
)
def test_what_authors_write_becomes_an_expression(declared: Declared, expected: str) -> None:
    assert expected == licence_of("some", declared)


@pytest.mark.parametrize(
    "declared", [Declared(), Declared(licence="BSD"), Declared(classifiers=("License :: OSI Approved :: BSD License",))]
)
def test_what_cannot_be_read_without_doubt_is_an_error(declared: Declared) -> None:
    with pytest.raises(Unclear, match="some does not say which licence it has"):
        licence_of("some", declared)


@pytest.mark.parametrize("expression", ["AGPL-3.0-only", "MIT AND GPL-3.0-only", "MIT OR LGPL-3.0-or-later"])
def test_what_is_not_on_the_list_is_refused(expression: str) -> None:
    assert named_in(expression) - {"MIT"} == refused(expression)


def test_a_refused_licence_and_a_missing_text_are_told_by_name() -> None:
    found = problems([("some", Declared(expression="AGPL-3.0-only"), ["LICENSE"]), ("bare", Declared("MIT"), [])])
    assert [
        "some has a licence that supply_chain/licences.py does not accept: AGPL-3.0-only",
        "bare does not bring the text of its licence along",
    ] == found


@pytest.mark.parametrize("installed", distributions(), ids=lambda each: each.name)
def test_every_locked_distribution_is_accepted_and_has_its_text(installed: Installed) -> None:
    assert [] == problems([(installed.name, installed.declared, installed.licence_files)])
    assert any(
        re.search(r"(?i)licen[cs]e|redistribut", path.read_text(errors="replace")) for path in installed.licence_files
    )


@pytest.mark.parametrize("name", list(READ))
def test_what_somebody_has_read_is_still_what_its_text_says(name: str) -> None:
    (installed,) = [each for each in distributions() if each.name == name]
    text = " ".join(" ".join(Path(path).read_text() for path in installed.licence_files).split())
    assert "BSD-3-Clause" == READ[name]
    assert "Neither the name of the copyright holder nor the names of its contributors" in text


def test_no_licence_is_accepted_that_nothing_has() -> None:
    named = [named_in(licence_of(each.name, each.declared)) for each in distributions()]
    assert set() == ACCEPTED - frozenset[str]().union(*named)
