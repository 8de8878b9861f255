"""The glossary names places that exist, and what has been renamed does not come back."""

import io
import re
import tokenize
from pathlib import Path

import pytest

from support.documents import ROOT, page

RETIRED = frozenset(
    {
        *("Scene", "Parts", "LoginParts", "Recollection", "Debt", "debts", "pay_debts", "insist", "Former", "formers"),
        *("Fate", "Desk", "Seals", "Mood", "mood", "Happening", "happening", "Sighting", "Wish", "Death", "Tally"),
        *("Letter", "comeback", "summons", "AccountRecord", "record_of", "Allowance", "rest_on", "is_told_lapsed"),
        *("by_person", "needs_person", "needed_person", "REST", "one_pass", "look_at", "brought_session"),
    }
)
"""Names of classes, functions and values that the field has another word for: docs/glossary.md."""
PHRASES = ("looked again", "nobody caught", "nobody could catch", "not listed anew", "an errand", "were not swept")
"""What messages and pages do not say any more."""
FOLDERS = ("operator", "tools", "tests")


def names(path: Path) -> set[str]:
    """Every identifier of a file: words in texts and comments are no identifiers."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_retired_name_is_used(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / folder).rglob("*.py") for name in RETIRED & names(path)
    }
    assert set() == found


def test_no_retired_phrase_is_written() -> None:
    places = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    assert [] == [(path.name, phrase) for path in places for phrase in PHRASES if phrase in path.read_text()]


def test_every_place_in_the_glossary_exists() -> None:
    places = re.findall(r"\| `(operator/[^`]+)` \|$", page("docs/glossary.md"), re.MULTILINE)
    assert [] == [place for place in places if not (ROOT / place).exists()]
    assert len(places) > 20


def test_the_glossary_gives_each_word_once() -> None:
    words = re.findall(r"^\| ([a-zA-Z][^|]*) \|", page("docs/glossary.md"), re.MULTILINE)[1:]
    assert len(words) == len(set(words))
