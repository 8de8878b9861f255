"""Which fault strikes which call, and what it makes of the answer."""

from kite_sandbox.answers import Answer
from kite_sandbox.dispatch import Caller
from kite_sandbox.faults import Edit, Fault, FaultBook, Scope, When
from kite_sandbox.world import Step

CALLER = Caller("AB1234", "key")
REAL = Answer("accepted", 200, {"data": {"user_id": "AB1234", "login_time": "x"}})


def fault(label: str, scope: Scope = Scope(), times: int | None = 1) -> Fault:  # noqa: B008 - frozen
    return Fault(1, Step.LOGIN, scope, label, times=times)


def struck(book: FaultBook, caller: Caller = CALLER) -> str | None:
    found = book.take(Step.LOGIN, caller)
    return None if found is None else found.label


def test_account_before_app_before_all_and_each_in_its_order() -> None:
    book = FaultBook()
    for each in (
        fault("all"),
        fault("app", Scope(api_key="key")),
        fault("first", Scope(client_id="AB1234")),
        fault("second", Scope(client_id="AB1234")),
    ):
        book.add(each)
    assert [struck(book) for _ in range(5)] == ["first", "second", "app", "all", None]


def test_a_fault_without_a_number_of_times_stays_until_cleared() -> None:
    book = FaultBook()
    book.add(fault("for ever", times=None))
    assert {struck(book) for _ in range(10)} == {"for ever"}
    assert (book.clear(), struck(book)) == (1, None)


def test_other_steps_and_other_callers_are_spared() -> None:
    book = FaultBook()
    book.add(fault("mine", Scope(client_id="AB1234")))
    assert book.take(Step.TWOFA, CALLER) is None
    assert struck(book, Caller("CD5678", "key")) is None
    assert struck(book) == "mine"


def test_clearing_a_scope_leaves_the_others() -> None:
    book = FaultBook()
    book.add(fault("all"))
    book.add(fault("mine", Scope(client_id="AB1234")))
    assert book.clear(scope=Scope(client_id="AB1234")) == 1
    assert [(armed.label, left) for armed, left in book.listed()] == [("all", 1)]


def test_an_edit_changes_a_copy_of_the_real_answer() -> None:
    edit = Edit(assign={"data.user_id": "ZZ0000", "nowhere.x": 1}, remove=("data.login_time", "data.no.such"))
    edited = Fault(1, Step.LOGIN, Scope(), "edit", When.AFTER, edit=edit).rendered(REAL)
    assert edited.body == {"data": {"user_id": "ZZ0000"}}
    assert REAL.body == {"data": {"user_id": "AB1234", "login_time": "x"}}


def test_without_an_effect_and_without_a_script_the_answer_is_a_timeout() -> None:
    assert fault("nothing").rendered(None).status == 504
