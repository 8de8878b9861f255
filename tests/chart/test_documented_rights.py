"""The rights of docs/security.md are those that the chart gives."""

from collections import Counter

import pytest

from support.audit import granted_to
from support.chart_values import LOGIN
from support.documents import page, rows, section
from support.helm import Helm, Values, grants, one
from support.rights import DOCUMENTED

PROXY: Values = {
    **LOGIN,
    "settings": {**LOGIN["settings"], "loginAuth": "proxy", "loginTrustedProxies": ["10.0.0.1/32"]},
}


def documented(*names: str) -> set[tuple[str, str, str]]:
    return set().union(*(grants(DOCUMENTED[name]["rules"]) for name in names))


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        pytest.param({}, ("kite-operator",), id="nothing on"),
        pytest.param(LOGIN, ("kite-operator",), id="login page with a passphrase"),
        pytest.param({"rollout": {"enabled": True}}, ("kite-operator", "kite-operator-rollout"), id="rollout restarts"),
        pytest.param({"report": {"enabled": True}}, ("kite-operator", "kite-operator-reports"), id="reports"),
    ],
)
def test_a_feature_brings_its_documented_rights_and_no_others(
    helm: Helm, values: Values, roles: tuple[str, ...]
) -> None:
    manifests = helm.render(values)
    assert documented(*roles) == grants(one(manifests, "ClusterRole", "kite-operator")["rules"])
    assert documented("kite-operator-accounts") == grants(one(manifests, "Role", "kite-operator-accounts")["rules"])


def test_a_login_page_behind_a_proxy_brings_the_second_right_of_reports(helm: Helm) -> None:
    more = grants(one(helm.render(PROXY), "ClusterRole", "kite-operator")["rules"]) - documented("kite-operator")
    assert {("authorization.k8s.io", "subjectaccessreviews", "create")} == more


def test_who_turns_the_list_of_client_ids_off_needs_no_right_on_namespaces(helm: Helm) -> None:
    rules = one(helm.render({"settings": {"namespaceClientIds": "off"}}), "ClusterRole", "kite-operator")["rules"]
    assert {("", "namespaces", "get")} == documented("kite-operator") - grants(rules)


def test_a_namespaced_install_has_the_same_rights_in_each_of_its_namespaces(helm: Helm) -> None:
    manifests = helm.render({"namespaces": ["desk-one", "desk-two"]})
    roles = [each for each in manifests if each["kind"] == "Role" and each["metadata"]["name"] == "kite-operator"]
    assert ["desk-one", "desk-two"] == sorted(each["metadata"]["namespace"] for each in roles)
    assert [documented("kite-operator")] * 2 == [grants(each["rules"]) for each in roles]
    assert ["kite-operator-edit", "kite-operator-view"] == sorted(
        each["metadata"]["name"] for each in manifests if each["kind"] == "ClusterRole"
    )


def counts(helm: Helm, values: Values) -> Counter[str]:
    """How many rights the operator has where: `` stands for the whole cluster."""
    return Counter(each.namespace for each in granted_to("kite-operator", helm.render(values)))


def test_the_numbers_of_rights_that_the_page_shows_are_those_of_the_chart(helm: Helm) -> None:
    shown = {row[0]: [int("0" + "".join(filter(str.isdigit, cell))) for cell in row[1:4]] for row in _numbers()}
    narrow, wide = counts(helm, {"namespaces": ["desk"]}), counts(helm, {})
    assert [narrow["desk"], narrow["kite-operator"], narrow[""]] == shown["nothing on, for chosen namespaces"]
    assert [wide["desk"], wide["kite-operator"], wide[""]] == shown["nothing on, cluster-wide"]
    restarts = {"rollout": {"enabled": True}}
    more = [(counts(helm, {"namespaces": ["desk"], **restarts}) - narrow)["desk"], (counts(helm, restarts) - wide)[""]]
    assert more == [shown["rollout restarts"][0], shown["rollout restarts"][2]]
    assert (counts(helm, {"report": {"enabled": True}}) - wide)[""] == shown["reports of dead tokens"][2]
    assert (counts(helm, PROXY) - wide)[""] == shown["a login page behind a proxy"][2]


def _numbers() -> list[list[str]]:
    found = [row for row in rows(section(page("docs/threat-model.md"), "Rights that are used")) if len(row) == 5]
    return [row for row in found if row[0] != "with"]
