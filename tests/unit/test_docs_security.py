"""docs/threat-model.md names, for each of its claims, a test that holds it, and forgets nothing that can be stolen."""

import re

import pytest
import yaml

from support.documents import codes, missing_tests, named_tests, page, rows, section

PAGE = page("docs/threat-model.md")
REFERENCE = page("docs/reference.md")
STOLEN, PEOPLE, PROTECTED = (
    rows(section(PAGE, title))[1:]
    for title in ("What a stolen thing gives", "Who may do what in a namespace", "What is protected how")
)
TWO_FACTORS = section(PAGE, "What mode TOTP does to two factors")
FURTHER = (
    "`kite-operator-keys`",
    "account Lease",
    "ServiceAccount",
    "kubeconfig",
    "the address that the browser was redirected to",
    "callback of the login page: state",
    "passphrase",
    "session cookie",
    "cookie of one login",
)
"""What can be stolen beside the Secrets of the reference."""
RIGHTS = (
    "KiteCredentials and Events",
    "edit KiteCredentials",
    "create Secrets",
    "delete Secrets",
    "use the login page",
)


@pytest.mark.parametrize("row", [*STOLEN, *PEOPLE, *PROTECTED], ids=lambda row: row[0][:40])
def test_each_claim_names_tests_that_exist(row: list[str]) -> None:
    named = codes(row[-1])
    assert named, f"no test holds the row {row[0]!r}: name one in the last column"
    assert [] == missing_tests(named)


def test_what_is_said_of_the_two_factors_names_tests_that_exist() -> None:
    assert named_tests(TWO_FACTORS)
    assert [] == missing_tests(named_tests(TWO_FACTORS))


def test_every_secret_of_the_reference_can_be_stolen() -> None:
    listed = [row[0] for row in rows(section(REFERENCE, "Secrets"))[1:]]
    secrets = [found[1] for cell in listed if (found := re.search(r"\]\((#[\w-]+)\)", cell))]
    assert secrets
    told = " ".join(row[0] for row in STOLEN)
    assert [] == [anchor for anchor in secrets if f"reference.md{anchor})" not in told]


@pytest.mark.parametrize("what", FURTHER)
def test_what_else_there_is_to_steal_has_its_row(what: str) -> None:
    assert any(what in row[0] for row in STOLEN)


@pytest.mark.parametrize("right", RIGHTS)
def test_what_people_may_do_in_a_namespace_has_its_row(right: str) -> None:
    assert any(right in row[0] for row in PEOPLE)


@pytest.mark.parametrize("row", [*STOLEN, *PEOPLE], ids=lambda row: row[0][:40])
def test_each_row_says_what_is_given_and_where_that_ends(row: list[str]) -> None:
    assert [] == [cell for cell in row if not cell]


def test_each_promise_is_in_the_scope_of_a_report() -> None:
    scope = rows(section(page("SECURITY.md"), "What is in scope"))
    promises = [row[0] for row in rows(section(page("docs/architecture.md"), "Promises")) if row[0].startswith("P")]
    assert 8 == len(promises)
    assert promises == [row[0] for row in scope if row[0].startswith("P")]


def test_a_reporter_is_told_what_a_report_never_holds_and_no_address_is_made_up() -> None:
    text = " ".join(section(page("SECURITY.md"), "Report a weakness").split())
    assert "Never put a token, an `api_secret`, a password, a TOTP secret, a `request_token` or a cookie" in text
    assert "@" not in page("SECURITY.md")


def test_the_form_for_faults_warns_of_secrets_before_anything_is_typed() -> None:
    first, *rest = yaml.safe_load(page(".github/ISSUE_TEMPLATE/bug.yml"))["body"]
    warned_of = ("token", "api_secret", "password", "TOTP secret", "request_token", "cookie")
    assert "markdown" == first["type"]
    assert [] == [each for each in warned_of if each not in first["attributes"]["value"]]
    assert "report it in private" in first["attributes"]["value"]
    (promise,) = rest[-1]["attributes"]["options"]
    assert promise["required"]
