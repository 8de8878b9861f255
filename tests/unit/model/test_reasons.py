"""Each reason has every attribute, and the attributes agree with each other and with what uses them."""

import ast
import re
from collections.abc import Callable
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import get_type_hints

import pytest

from alerts.catalogue import catalogue
from kite_operator.decide.rollout import is_hindered
from kite_operator.model.reason_facts import Alert, Entry, EventType, Facts, Input, Kind, ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.rollout import RolloutStatus
from support.facts import NOON, VERSIONS

OPERATOR = Path(__file__).parents[3] / "operator" / "kite_operator"
TEXTS = ["broker/session.py", "login/outcome.py", "notify/message.py"]
"""The tables of texts for users, by reason: one in each layer that has any."""
TYPES: dict[str, tuple[type, ...]] = {
    "kind": (Kind,),
    "action_required": (bool,),
    "event": (EventType, type(None)),
    "alert": (Alert, type(None)),
    "inputs": (tuple,),
    "counts_as": (Entry, type(None)),
    "passes": (bool,),
    "api_down": (bool,),
    "calls_broker": (bool,),
    "set_aside": (bool,),
    "brief": (bool,),
    "scheduled": (bool,),
    "manual_login": (ManualLogin,),
}


def those(fits: Callable[[Reason], bool]) -> set[Reason]:
    return {reason for reason in Reason if fits(reason)}


ACTION_REQUIRED = those(lambda reason: reason.action_required)


def test_the_attributes_are_the_facts_and_declared_with_the_same_types() -> None:
    facts, declared = get_type_hints(Facts), get_type_hints(Reason)
    assert list(TYPES) == [each.name for each in fields(Facts)]
    assert facts == {name: declared[name] for name in facts}


@pytest.mark.parametrize("reason", list(Reason))
def test_each_attribute_is_set(reason: Reason) -> None:
    assert [] == [name for name, types in TYPES.items() if not isinstance(getattr(reason, name), types)]
    assert all(isinstance(each, Input) for each in reason.inputs)


def test_the_attributes_of_every_reason_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match="'kind', 'action_required', 'event', and 'alert'"):
        Facts()  # type: ignore[call-arg]


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_is_its_name(reason: Reason) -> None:
    assert reason.value == str(reason) == f"{reason}" == reason
    assert hash(reason.value) == hash(reason)
    assert reason is Reason(reason.value) is Reason.named(reason.value)


def test_a_name_of_another_version_is_no_reason() -> None:
    assert Reason.named("OfTomorrow") is None


def test_the_reasons_of_a_kind_stand_together_and_no_kind_is_empty() -> None:
    assert list(Kind) == [kind for kind, _ in groupby(Reason, lambda reason: reason.kind)]


def test_a_reason_that_requires_action_warns_and_is_behind_an_alert() -> None:
    assert those(lambda reason: reason.event is EventType.WARNING and reason.alert is not None) >= ACTION_REQUIRED


def test_no_action_is_required_while_all_is_well_or_in_progress() -> None:
    assert set() == ACTION_REQUIRED & those(lambda reason: reason.kind in (Kind.GOOD, Kind.IN_PROGRESS, Kind.TOKEN))


def test_every_refusal_of_the_broker_requires_action() -> None:
    assert those(lambda reason: reason.kind is Kind.REFUSED) <= ACTION_REQUIRED


def test_only_a_transient_reason_passes_by_itself_and_requires_no_action() -> None:
    passing = those(lambda reason: reason.passes)
    assert passing <= those(lambda reason: reason.kind is Kind.TRANSIENT) - ACTION_REQUIRED
    assert those(lambda reason: reason.api_down) <= passing


def test_a_credential_that_is_set_aside_makes_no_call_and_requires_no_action() -> None:
    aside = those(lambda reason: reason.set_aside)
    assert aside <= those(lambda reason: not reason.calls_broker) - ACTION_REQUIRED


def test_the_waits_of_an_ordinary_day_have_no_event_and_require_no_action() -> None:
    brief, scheduled = those(lambda reason: reason.brief), those(lambda reason: reason.scheduled)
    assert brief | scheduled <= those(lambda reason: reason.event is None) - ACTION_REQUIRED
    assert set() == brief & scheduled


def test_only_a_refusal_is_an_entry_of_the_ledger() -> None:
    counted = those(lambda reason: reason.counts_as is not None)
    assert counted <= those(lambda reason: reason.kind is Kind.REFUSED)


def test_every_alert_of_a_reason_is_in_the_alert_rules() -> None:
    rules = {alert.name for group in catalogue() for alert in group.alerts}
    assert {alert.value for alert in Alert} <= rules
    assert set(Alert) == {reason.alert for reason in Reason} - {None}


def test_the_alert_on_rollouts_is_that_of_the_reasons_that_hinder_one() -> None:
    of_rollouts = those(lambda reason: reason.name.startswith("ROLLOUT_"))
    alerted = those(lambda reason: reason.alert is Alert.ROLLOUT_HINDERED)
    assert alerted == {reason for reason in of_rollouts if is_hindered(RolloutStatus(reason=reason))}


def test_the_inputs_are_those_that_the_ledger_knows() -> None:
    assert list(VERSIONS.inputs(NOON)) == [each.value for each in Input]


def test_a_reason_that_the_broker_gives_passes_or_is_bound_to_an_input() -> None:
    """A rejection without inputs would stand until a user acknowledges it, even if its cause was corrected."""
    given = {
        name
        for path in (OPERATOR / "broker").glob("*.py")
        for name in re.findall(r"\bReason\.([A-Z_]+)", path.read_text())
    }
    assert given
    assert [] == [name for name in sorted(given) if not (Reason[name].passes or Reason[name].inputs)]


def test_a_rejection_of_the_app_itself_is_bound_to_the_app_secret_alone() -> None:
    rejected = those(lambda reason: reason.manual_login is ManualLogin.REJECTED)
    assert rejected <= those(lambda reason: reason.inputs == (Input.APP,))


def of_reasons(node: ast.AST) -> bool:
    """Return whether the node is a collection of reasons, or a mapping from reasons."""
    members: list[ast.expr | None] = []
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        members = [*node.elts]
    elif isinstance(node, ast.Dict):
        members = [*node.keys]
    return len([each for each in members if each is not None and ast.unparse(each).startswith("Reason.")]) > 1


def test_no_other_module_holds_a_list_of_reasons() -> None:
    """Knowledge about a reason is an attribute of it."""
    paths = [path for path in OPERATOR.rglob("*.py") if any(map(of_reasons, ast.walk(ast.parse(path.read_text()))))]
    assert TEXTS == sorted(path.relative_to(OPERATOR).as_posix() for path in paths)


def test_each_layer_has_one_table_of_texts() -> None:
    tables = {
        name: [node for node in ast.walk(ast.parse((OPERATOR / name).read_text())) if of_reasons(node)]
        for name in TEXTS
    }
    assert dict.fromkeys(TEXTS, 1) == {name: len(found) for name, found in tables.items()}
