"""All that the operators of the whole suite have asked for, by the API servers' audit logs: run after every other test.

They run under one account with the documented rights (support/rights.py), which are the chart's
(tests/chart/test_documented_rights.py).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pytest

from support.audit import Asked, asked
from support.helm import grants
from support.rights import ACCOUNT, DOCUMENTED
from support.suite_audit import Trail, is_one_of_several, is_whole, trail_of

GRANTED = set().union(*(grants(role["rules"]) for role in DOCUMENTED.values()))
FIXED = {"kite-operator-keys", "kite-login-passphrase"}
"""The Secrets of the account namespace that the operator knows by name."""
Name = tuple[str, str]


@dataclass(slots=True)
class Story:
    """What was asked, and which Secrets were the operators' business, by namespace and name."""

    asked: Counter[Asked] = field(default_factory=Counter)
    read: set[Name] = field(default_factory=set)
    unselective: list[str] = field(default_factory=list)
    named: set[Name] = field(default_factory=set)

    @classmethod
    def of(cls, trail: Trail) -> Self:
        story = cls()
        for entry in trail.entries():
            about = entry.get("objectRef") or {}
            if entry["user"]["username"] != ACCOUNT:
                story.named |= _concerned(about, entry.get("responseObject") or {})
            elif about:
                story.asked[asked(entry)] += 1
                story._look(entry, about)
        return story

    def _look(self, entry: dict[str, Any], about: dict[str, Any]) -> None:
        """One request of an operator, if it is for Secrets."""
        if about["resource"] != "secrets":
            return
        name = about.get("namespace", ""), about.get("name", "")
        if entry["verb"] in ("list", "watch"):
            selector = parse_qs(urlsplit(entry["requestURI"]).query).get("labelSelector", [""])[0]
            if not selector.startswith("kite-operator.dev/role"):
                self.unselective.append(entry["requestURI"])
        elif entry["verb"] == "create":
            self.named.add(name)
        else:
            self.read.add(name)


def _concerned(about: dict[str, Any], written: dict[str, Any]) -> set[Name]:
    """The Secrets that a KiteCredential names, or the labelled Secret itself, as somebody has written it."""
    metadata, spec = written.get("metadata") or {}, written.get("spec") or {}
    namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
    if about.get("resource") == "secrets":
        return {(namespace, name)} if "kite-operator.dev/role" in (metadata.get("labels") or {}) else set()
    named = {
        f"{name}-kite-state",
        (spec.get("target") or {}).get("name"),
        (spec.get("appSecretRef") or {}).get("name"),
        (spec.get("notifySecretRef") or {}).get("name"),
        (((spec.get("login") or {}).get("totp") or {}).get("secretRef") or {}).get("name"),
    }
    return {(namespace, each) for each in named if each}


@pytest.fixture(scope="module")
def story(request: pytest.FixtureRequest) -> Story:
    if is_one_of_several(request.config):
        pytest.skip("the other workers are still at it: `make test` asks when all have ended")
    made = Story.of(trail_of(request.config))
    if not made.asked:
        pytest.skip("no operator has run in this session, or in a cluster that keeps its log to itself")
    return made


def test_nothing_was_asked_for_that_is_not_granted(story: Story) -> None:
    assert {} == {each: times for each, times in story.asked.items() if not each.allowed}


def test_every_right_was_used(story: Story, request: pytest.FixtureRequest) -> None:
    if not is_whole(request.config):
        pytest.skip("only a run of all cluster tests can say so")
    assert GRANTED == {each.right for each in story.asked}


def test_no_secret_was_read_that_no_credential_names(story: Story) -> None:
    assert story.read
    assert [] == sorted(each for each in story.read - story.named if each[1] not in FIXED)
    assert [] == story.unselective
