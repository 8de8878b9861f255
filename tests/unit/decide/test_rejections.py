"""Rejections of the broker and revocations of users: bounded, and never displaced by another client."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kite_operator.decide import budget
from kite_operator.decide.claims import unclaim
from kite_operator.decide.plan import Wait
from kite_operator.decide.rejections import MOST_REJECTIONS, MOST_REVOCATIONS, with_rejection
from kite_operator.decide.revocation import block_id, revoked, with_revocation
from kite_operator.model.account import AttemptLedger, Ref, Rejection, dump, load
from kite_operator.model.reasons import Reason
from support.facts import NOON, REF, account, claim, credential, observed, rejection

ASKED = credential(revoke="leaked-1")
HELD = account(claims=(claim(),))
REFUSALS = (Reason.APP_SECRET_REJECTED, Reason.CONSENT_REQUIRED, Reason.WRONG_ACCOUNT, Reason.REVOKED)


def stranger(number: int) -> Ref:
    return Ref("elsewhere", f"stranger-{number}", f"uid-{number}")


def refused(number: int, reason: Reason = Reason.APP_SECRET_REJECTED) -> Rejection:
    """Return a rejection of a stranger's own credential."""
    return replace(rejection(reason, by=stranger(number)), id=f"refused-{number}-{reason}")


def flooded(ledger: AttemptLedger, reason: Reason = Reason.APP_SECRET_REJECTED) -> AttemptLedger:
    """Return the ledger after a hundred strangers were refused."""
    for number in range(100):
        ledger = with_rejection(ledger, refused(number, reason))
    return load(dump(ledger))


def test_a_revocation_stands_however_many_strangers_are_refused() -> None:
    ledger = flooded(with_revocation(HELD, ASKED, NOON))
    assert [block_id(ASKED)] == [r.id for r in ledger.rejections if r.reason is Reason.REVOKED]
    plan = revoked(observed(account=ledger))
    assert isinstance(plan, Wait)
    assert block_id(ASKED) == plan.block_id


def test_it_stands_when_its_credential_was_deleted_and_when_strangers_revoke_as_well() -> None:
    ledger = unclaim(with_revocation(HELD, ASKED, NOON), REF)
    ledger = flooded(flooded(ledger, Reason.REVOKED))
    assert block_id(ASKED) in {r.id for r in ledger.rejections}
    assert MOST_REJECTIONS + 1 == len(ledger.rejections)


def test_it_stands_when_the_broker_alone_knew_whose_account_it_is() -> None:
    ledger = flooded(with_revocation(account(), ASKED, NOON, proven=True), Reason.REVOKED)
    assert block_id(ASKED) in {r.id for r in ledger.rejections}


def test_it_stands_when_the_same_credential_is_refused_in_every_other_way() -> None:
    ledger = with_revocation(HELD, ASKED, NOON)
    for reason in Reason:
        if reason is not Reason.REVOKED:
            ledger = with_rejection(ledger, rejection(reason, app="app-v1"))
    assert block_id(ASKED) in {r.id for r in ledger.rejections}


def test_it_outlives_a_login_in_progress() -> None:
    ledger = with_revocation(account(rejections=(rejection(Reason.CONSENT_REQUIRED),)), ASKED, NOON)
    assert [block_id(ASKED)] == [r.id for r in budget.complete(ledger, REF, NOON).rejections]


def test_a_rejection_of_the_holder_is_not_displaced_by_strangers_either() -> None:
    ledger = flooded(with_rejection(HELD, rejection(Reason.APP_SECRET_REJECTED, app="app-v1")))
    assert ledger.rejections[0].by == REF


def test_a_credential_that_has_proven_the_account_since_is_no_stranger() -> None:
    ledger = with_rejection(account(), rejection(Reason.APP_SECRET_REJECTED, app="app-v1"))
    ledger = flooded(replace(ledger, claims=HELD.claims))
    assert ledger.rejections[0].by == REF


def test_of_strangers_the_oldest_rejection_is_dropped_first_and_their_revocations_last() -> None:
    ledger = with_rejection(account(), refused(1000, Reason.REVOKED))
    ledger = flooded(ledger)
    assert [1000, *range(100 - MOST_REJECTIONS + 1, 100)] == [int(r.by.name.split("-")[1]) for r in ledger.rejections]


def test_a_credential_has_one_rejection_of_each_reason() -> None:
    ledger = with_rejection(HELD, rejection(Reason.APP_SECRET_REJECTED, app="app-v1"))
    ledger = with_rejection(ledger, rejection(Reason.CONSENT_REQUIRED, app="app-v1"))
    ledger = with_rejection(ledger, replace(rejection(Reason.APP_SECRET_REJECTED, app="app-v2"), id="newer"))
    assert ["rejected-ConsentRequired", "newer"] == [r.id for r in ledger.rejections]


def test_the_newest_revocations_of_a_credential_that_is_revoked_again_and_again_stand() -> None:
    ledger = HELD
    for number in range(MOST_REVOCATIONS + 3):
        ledger = with_revocation(ledger, credential(revoke=f"leaked-{number}"), NOON)
    assert [block_id(credential(revoke=f"leaked-{n}")) for n in range(3, MOST_REVOCATIONS + 3)] == [
        r.id for r in ledger.rejections
    ]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(REFUSALS), st.integers(0, 20)), min_size=60, max_size=300)
)
def test_the_ledger_stays_bounded_and_a_new_rejection_is_always_in_it(
    refusals: list[tuple[int, Reason, int]],
) -> None:
    holders = tuple(claim(stranger(number), app=f"app-{number}") for number in range(2))
    ledger = account(claims=holders)
    for number, reason, value in refusals:
        new = replace(refused(number, reason), id=f"{number}-{reason}-{value if reason is Reason.REVOKED else 0}")
        ledger = with_rejection(ledger, new)
        assert new.id == ledger.rejections[-1].id
    assert len(ledger.rejections) <= 2 * MOST_REJECTIONS + len(holders) * MOST_REVOCATIONS
