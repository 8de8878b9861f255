"""Attempt budget against a simulated broker that blocks at five (P1), for any order of events.

Hypothesis drives up to three processes at a time, of three credentials and four versions of the login Secret. Two of
the credentials want the same app, and take the claim on it from each other by the rules. Processes freeze, crash, lose
answers and answer late. The clock jumps both ways. The Lease is lost while status holds a block. Users make manual
logins, and acknowledge blocks of attempts and of other rejections. The simulated broker keeps one count for passwords
and codes, which only a completed login clears. Every ledger goes through JSON.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kite_operator.decide import budget, locks
from kite_operator.decide.claims import Claimant, Holder, claim, prove
from kite_operator.decide.observed import Versions
from kite_operator.decide.seed import seeded
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, Lock, Ref, Rejection, dump, load
from kite_operator.model.errors import ReservationLost, ReservationRefused, Step
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from support.facts import CLIENT_ID, NOON, OTHER, REF, blocked_status, credential

SQUATTER = Ref("elsewhere", "squatter", "uid-squatter")
APPS = {REF: "app-alpha", OTHER: "app-beta", SQUATTER: "app-alpha"}
CREATED = {REF: "2026-03-01T00:00:00Z", OTHER: "2026-03-01T00:00:00Z", SQUATTER: "2026-02-01T00:00:00Z"}
VERSIONS = ("v1", "v2", "v3", "v4")
MOST_PROCESSES = 3
refs = st.sampled_from([REF, OTHER, SQUATTER])
versions = st.sampled_from(VERSIONS)
outcomes = st.sampled_from(
    ["wrong", "wrong", "wrong", "right", "right", "lost wrong", "lost right", "crash wrong", "crash right", "freeze"]
)
MOVES = [timedelta(seconds=s) for s in (1, 31, 46, 91, 600, 3 * 3600, 13 * 3600, -1, -60, -3 * 3600, -13 * 3600)]


@dataclass(eq=False)
class Process:
    """A running login in one process: its reserved attempt, whether it was sent, and the broker's answer."""

    by: Ref
    version: str
    lock_id: str
    attempt: Attempt | None
    sent: bool = False
    verdict: AttemptOutcome = AttemptOutcome.PENDING


class BudgetMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.users = False
        self.now: datetime = NOON
        self.latest: datetime = NOON
        self.text: str | None = None
        self.processes: list[Process] = []
        self.number = 0
        # The broker's own truth.
        self.wrong = 0
        self.acknowledged_since_login = 0
        # The answers that the operator received.
        self.acknowledged = 0
        self.known_wrong_passwords: set[str] = set()
        self.known_wrong_codes: dict[str, int] = {}
        self.forgiven_days: set[date] = set()
        self.logged_in_by_hand = False
        self.moved_since_manual_login = timedelta()

    @initialize(proven=st.sampled_from([None, REF, OTHER]), users=st.booleans())
    def begin(self, proven: Ref | None, users: bool) -> None:  # noqa: FBT001 - drawn
        self.users = users
        if proven is not None:
            ledger = claim(self.ledger, APPS[proven], Claimant(proven), self.now)
            self.store(prove(ledger, APPS[proven], proven, self.now))

    # The Lease.

    @property
    def ledger(self) -> AttemptLedger:
        return AttemptLedger(CLIENT_ID) if self.text is None else load(self.text)

    def store(self, after: AttemptLedger) -> None:
        before = self.ledger
        known = {a.id.removesuffix("-late") for a in before.attempts if a.forgiven}
        newly = [a for a in after.attempts if a.forgiven and a.id.removesuffix("-late") not in known]
        assert len(newly) <= 1
        if newly:
            today = self.now.astimezone(IST).date()
            assert today not in self.forgiven_days, "an unknown outcome is forgiven at most once a day"
            self.forgiven_days.add(today)
        self.text = dump(after)
        assert after == load(self.text)

    # A login.

    @rule(logins=st.lists(st.tuples(refs, versions, st.tuples(outcomes, outcomes)), min_size=4, max_size=12))
    def log_in_again_and_again(self, logins: list[tuple[Ref, str, tuple[str, str]]]) -> None:
        for by, version, ends in logins:
            if len(self.processes) < MOST_PROCESSES:
                self.log_in_once(by, version, ends)
            self.the_account_is_never_blocked()

    @precondition(lambda self: len(self.processes) < MOST_PROCESSES)
    @rule(by=refs, version=versions, ends=st.tuples(outcomes, outcomes))
    def log_in(self, by: Ref, version: str, ends: tuple[str, str]) -> None:
        self.log_in_once(by, version, ends)

    def log_in_once(self, by: Ref, version: str, ends: tuple[str, str]) -> None:
        """Log in up to a crash, a freeze or the end; after a crash or freeze the next login waits for the deadline."""
        process = self.start(by, version)
        for outcome in ends:
            if process is None or process not in self.processes:
                return
            if process.attempt is None and not self.reserve(process):
                return
            if outcome == "freeze":
                self.now += timedelta(seconds=91)
                self.latest = max(self.latest, self.now)
                return
            self.submit(process, right=outcome.endswith("right"))
            if outcome.startswith("crash"):
                self.processes.remove(process)
                self.now += timedelta(seconds=91)
                self.latest = max(self.latest, self.now)
                return
            self.report(process, lost=outcome.startswith("lost"))
            self.now += timedelta(seconds=31)
            self.latest = max(self.latest, self.now)

    @precondition(lambda self: len(self.processes) < MOST_PROCESSES)
    @rule(by=refs, version=versions)
    def start_login(self, by: Ref, version: str) -> None:
        self.start(by, version)

    def start(self, by: Ref, version: str) -> Process | None:
        lock = self.lock(by)
        attempt = self.attempt(Step.PASSWORD, version, by)
        try:
            ledger = locks.start_login(self.claimed(by), lock, self.now)
            after = budget.reserve(ledger, budget.Submission(Step.PASSWORD, version, by), attempt, self.now)
        except ReservationRefused:
            return None
        assert version not in self.known_wrong_passwords, "a wrong password is never submitted again"
        self.check_unproven(after, by)
        self.store(after)
        process = Process(by, version, lock.id, attempt)
        self.processes.append(process)
        return process

    def lock(self, by: Ref) -> Lock:
        self.number += 1
        until = self.now + timedelta(seconds=90)
        return Lock(f"lock-{self.number}", "process", until, app=APPS[by], credential=str(by))

    def claimed(self, by: Ref) -> AttemptLedger:
        held = self.ledger.claim_for(APPS[by])
        holder = Holder(held.holder, CREATED[held.holder]) if held is not None else None
        return claim(self.ledger, APPS[by], Claimant(by, CREATED[by]), self.now, holder=holder)

    @rule(by=refs)
    def the_broker_confirms_a_session(self, by: Ref) -> None:
        ledger = self.ledger
        proven = [c.holder for c in ledger.claims if c.app == APPS[by] and c.proven]
        self.store(prove(ledger, APPS[by], by, self.now))
        assert proven in ([], [c.holder for c in self.ledger.claims if c.app == APPS[by]]), "nobody beats proven"

    @precondition(lambda self: any(p.attempt is None for p in self.processes))
    @rule(data=st.data())
    def reserve_code(self, data: st.DataObject) -> None:
        self.reserve(data.draw(st.sampled_from([p for p in self.processes if p.attempt is None])))

    def reserve(self, process: Process) -> bool:
        window = int(self.now.timestamp()) // 30
        attempt = self.attempt(Step.TOTP, process.version, process.by, window)
        submission = budget.Submission(Step.TOTP, process.version, process.by, window)
        try:
            locks.require_lock(self.ledger, process.lock_id)
            after = budget.reserve(self.ledger, submission, attempt, self.now)
        except (ReservationRefused, ReservationLost):
            self.end(process)
            return False
        assert self.known_wrong_codes.get(process.version, 0) < 2, "a wrong code gets one more try"
        self.check_unproven(after, process.by)
        self.store(after)
        process.attempt, process.sent = attempt, False
        return True

    @precondition(lambda self: self.sendable())
    @rule(data=st.data(), right=st.booleans())
    def send(self, data: st.DataObject, right: bool) -> None:  # noqa: FBT001 - drawn
        """Send at once or long after, like a process that was frozen between its last check and the send."""
        self.submit(data.draw(st.sampled_from(self.sendable())), right=right)

    def submit(self, process: Process, *, right: bool) -> None:
        assert process.attempt is not None
        process.sent = True
        process.verdict = AttemptOutcome.ACCEPTED if right else AttemptOutcome.WRONG
        if not right:
            self.wrong += 1
        elif process.attempt.step is Step.TOTP:
            self.wrong, self.acknowledged_since_login = 0, 0

    @precondition(lambda self: any(p.sent for p in self.processes))
    @rule(data=st.data(), lost=st.booleans())
    def settle(self, data: st.DataObject, lost: bool) -> None:  # noqa: FBT001 - drawn
        self.report(data.draw(st.sampled_from([p for p in self.processes if p.sent])), lost=lost)

    def report(self, process: Process, *, lost: bool) -> None:
        attempt, outcome = process.attempt, AttemptOutcome.UNKNOWN if lost else process.verdict
        assert attempt is not None
        settlement = budget.Settlement(attempt, outcome, APPS[process.by])
        ledger = budget.conclude(self.ledger, settlement, self.now)
        assert ledger == budget.conclude(ledger, settlement, self.now), "a write may be repeated"
        if outcome is AttemptOutcome.ACCEPTED and attempt.step is Step.TOTP:
            self.forget_known_rejections()
        self.store(ledger)
        if outcome is AttemptOutcome.WRONG and attempt.step is Step.PASSWORD:
            self.known_wrong_passwords.add(process.version)
        elif outcome is AttemptOutcome.WRONG:
            self.known_wrong_codes[process.version] = self.known_wrong_codes.get(process.version, 0) + 1
        if outcome is AttemptOutcome.ACCEPTED and attempt.step is Step.PASSWORD and ledger.holds(process.lock_id):
            process.attempt, process.sent = None, False
        else:
            self.end(process)

    @precondition(lambda self: self.sendable())
    @rule(data=st.data())
    def give_up_before_sending(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.sendable()))
        assert process.attempt is not None
        self.store(budget.settle(self.ledger, process.attempt, AttemptOutcome.UNSENT, self.now))
        self.end(process)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Crash, perhaps after an answer was received and before it was written; the lock stays."""
        self.processes.remove(data.draw(st.sampled_from(self.processes)))

    # The clock and the users.

    @rule(by=st.sampled_from(MOVES))
    def move_clock(self, by: timedelta) -> None:
        self.now += by
        self.latest = max(self.latest, self.now)
        self.moved_since_manual_login += max(by, timedelta())

    @precondition(lambda self: self.users and self.wrong)
    @rule()
    def user_logs_in_at_the_broker(self) -> None:
        self.wrong, self.acknowledged_since_login = 0, 0
        self.logged_in_by_hand, self.moved_since_manual_login = True, timedelta()

    @precondition(lambda self: self.logged_in_by_hand and self.moved_since_manual_login < budget.REQUEST_TOKEN_LIVES)
    @rule(by=refs)
    def exchange_the_manual_login(self, by: Ref) -> None:
        """Exchange beside a login through another app: an exchange takes the lock of its own app only."""
        lock = self.exchange_begun(by)
        if lock is None:
            return
        self.store(locks.finish(budget.complete(self.ledger, by, self.now), lock.id))
        self.logged_in_by_hand = False
        self.forget_known_rejections()

    @rule(by=refs)
    def begin_an_exchange_and_be_killed(self, by: Ref) -> None:
        """Begin an exchange for a grant of any user who may make one, and do not finish it."""
        self.exchange_begun(by)

    def exchange_begun(self, by: Ref) -> Lock | None:
        lock = self.lock(by)
        try:
            self.store(locks.start_exchange(self.claimed(by), lock, self.now))
        except ReservationRefused:
            return None
        return lock

    @precondition(lambda self: self.users)
    @rule(by=refs, version=versions)
    def acknowledge(self, by: Ref, version: str) -> None:
        block = budget.block_for(budget.settle_expired(self.ledger, self.now), version, by)
        if block is None:
            return
        try:
            after = budget.acknowledge(self.ledger, block, APPS[by], self.now)
        except ReservationRefused:
            return
        assert not block.reserved, "what is left belongs to the proven holder"
        self.store(after)
        self.acknowledged += 1
        self.acknowledged_since_login += block.reason is Reason.ATTEMPT_BUDGET_EXHAUSTED
        self.known_wrong_passwords.discard(version)
        self.known_wrong_codes.pop(version, None)

    @rule(by=refs)
    def the_broker_refuses_an_app(self, by: Ref) -> None:
        self.number += 1
        refused = Rejection(f"rejection-{self.number}", Reason.APP_REJECTED, "refused", by, self.now, {})
        others = tuple(r for r in self.ledger.rejections if r.by != by)
        self.store(replace(self.ledger, rejections=(*others, refused)))

    @precondition(lambda self: self.users and self.ledger.rejections)
    @rule(data=st.data())
    def acknowledge_a_rejection(self, data: st.DataObject) -> None:
        """Acknowledge a rejection: no block of the attempts is reopened, and the counts are as before."""
        before = budget.settle_expired(self.ledger, self.now)
        refused = data.draw(st.sampled_from(before.rejections))
        block = budget.Block(refused.id, refused.reason, refused.message)
        try:
            after = budget.acknowledge(self.ledger, block, APPS[refused.by], self.now)
        except ReservationRefused:
            return
        assert (before.attempts, before.allowed_more) == (after.attempts, after.allowed_more)
        self.store(after)

    @precondition(lambda self: not any(p.attempt and not p.sent for p in self.processes))
    @rule(by=refs, version=versions)
    def lose_the_lease_while_a_block_is_shown(self, by: Ref, version: str) -> None:
        block = budget.block_for(budget.settle_expired(self.ledger, self.now), version, by)
        if block is None:
            return
        shown = replace(credential(), status=blocked_status(block.reason, block.id), uid=by.uid)
        ledger = seeded(shown, Versions(version, "app", APPS[by], "redirect"), self.now)
        assert ledger is not None
        self.text = dump(ledger)
        again = budget.block_for(ledger, version, by)
        assert again is not None, "the block that people were shown stands"
        assert block.id == again.id
        self.processes.clear()
        self.forgiven_days = {day for day in self.forgiven_days if day <= self.now.astimezone(IST).date()}
        self.known_wrong_passwords &= {version}
        self.known_wrong_codes = {v: count for v, count in self.known_wrong_codes.items() if v == version}

    # Invariants.

    @invariant()
    def the_account_is_never_blocked(self) -> None:
        assert self.wrong <= 4 + self.acknowledged_since_login

    @invariant()
    def the_ledger_stays_bounded(self) -> None:
        assert len(self.ledger.attempts) <= 4 + self.acknowledged + MOST_PROCESSES
        assert len(self.text or "") < 8_000

    def check_unproven(self, after: AttemptLedger, by: Ref) -> None:
        holders = {c.holder for c in after.claims if c.proven}
        if holders and by not in holders:
            assert budget.counted(after) <= 2, "an unproven claimant leaves room for the holder"

    def sendable(self) -> list[Process]:
        """Return processes with a reserved, unsent attempt that is not too old for a frozen process to send."""
        return [
            p
            for p in self.processes
            if p.attempt and not p.sent and self.latest - p.attempt.at < budget.CARRIED_FOR - timedelta(seconds=1)
        ]

    def forget_known_rejections(self) -> None:
        self.known_wrong_passwords.clear()
        self.known_wrong_codes.clear()

    def attempt(self, step: Step, version: str, by: Ref, window: int | None = None) -> Attempt:
        self.number += 1
        deadline = self.now + timedelta(seconds=45)
        return Attempt(f"attempt-{self.number}", step, version, by, self.now, deadline, window=window)

    def end(self, process: Process) -> None:
        self.processes.remove(process)
        if self.text is not None:
            self.store(locks.finish(self.ledger, process.lock_id))


BudgetMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBudget = BudgetMachine.TestCase
