"""What Helm makes of the chart, over all that people give as values."""

import base64
import json
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.schema import OWNED, camel_case
from kite_operator import __version__
from kite_operator.settings import Settings, load_settings
from support.chart_values import LOGIN, MATRIX
from support.documents import blocks, page, section
from support.helm import CHART, RELEASE, Helm, HelmError, Manifest, arguments, container, of_kind, one

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CASES = pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in MATRIX.items()])


def pods(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """The pod templates."""
    return [each["spec"]["template"] for each in of_kind(manifests, "Deployment")]


@CASES
def test_lint_finds_nothing(helm: Helm, values: dict[str, Any]) -> None:
    said = helm.run("lint", "--strict", str(CHART), values=values)
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said


@CASES
def test_the_operator_accepts_its_arguments(helm: Helm, values: dict[str, Any]) -> None:
    given = arguments(helm.render(values))
    assert isinstance(load_settings(given, {}), Settings)


@CASES
def test_every_pod_is_held_to_the_restricted_standard(helm: Helm, values: dict[str, Any]) -> None:
    for pod in pods(helm.render(values)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert {"type": "RuntimeDefault"} == spec["securityContext"]["seccompProfile"]
        for each in spec["containers"]:
            assert {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "privileged": False,
                "readOnlyRootFilesystem": True,
            } == each["securityContext"]
            assert {"cpu", "memory"} == set(each["resources"]["requests"])


@CASES
def test_services_budgets_policies_and_monitors_select_the_pods_of_one_deployment(
    helm: Helm, values: dict[str, Any]
) -> None:
    manifests = helm.render(values)
    templates = [each["metadata"]["labels"] for each in pods(manifests)]
    for each in manifests:
        spec = each.get("spec") or {}
        selector = {
            "Service": lambda spec: spec["selector"],
            "Deployment": lambda spec: spec["selector"]["matchLabels"],
            "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
            "PodMonitor": lambda spec: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
        }.get(each["kind"])
        if selector is not None:
            selected = [labels for labels in templates if selector(spec).items() <= labels.items()]
            assert 1 == len(selected), each["metadata"]["name"]


@CASES
def test_every_port_that_is_named_is_there(helm: Helm, values: dict[str, Any]) -> None:
    manifests = helm.render(values)
    there = {port["name"] for pod in pods(manifests) for port in pod["spec"]["containers"][0]["ports"]}
    named = {port["targetPort"] for each in of_kind(manifests, "Service") for port in each["spec"]["ports"]}
    for each in of_kind(manifests, "NetworkPolicy"):
        named |= {port["port"] for rule in each["spec"]["ingress"] for port in rule["ports"]}
    assert named <= there


def test_every_setting_is_reached_by_a_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    by_settings = set(schema["properties"]["settings"]["properties"])
    for each in fields(Settings):
        if each.name in OWNED:
            place = values
            for step in OWNED[each.name].split("."):
                assert step in place, each.name
                place = place[step]
        else:
            assert camel_case(each.name) in by_settings


def test_a_setting_that_is_given_becomes_a_flag_of_its_name(helm: Helm) -> None:
    # Helm makes the flag of the value's name by rules of its own: each has to be the very flag.
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    shapes = schema["properties"]["settings"]["properties"]
    given = {name: _some_value(shape) for name, shape in shapes.items()}
    rendered = arguments(helm.render({"settings": given}))
    texts = {name: json.dumps(value) if value is True else str(value) for name, value in given.items()}
    expected = {each.name: texts[camel_case(each.name)] for each in fields(Settings) if each.name not in OWNED}
    assert expected == {name: rendered.get(name) for name in expected}


def _some_value(shape: dict[str, Any]) -> Any:
    if "enum" in shape:
        return shape["enum"][-1]
    if shape.get("type") == "boolean":
        return True
    return shape.get("minimum", "something")


def test_two_replicas_share_a_lease_are_spread_and_one_may_be_away(helm: Helm) -> None:
    manifests = helm.render()
    deployment = one(manifests, "Deployment")["spec"]
    assert 2 == deployment["replicas"]
    assert RELEASE == arguments(manifests)["leader_lease"]
    assert 1 == one(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"]
    # A second constraint, on zones, would switch the first off where nodes have no zone: no such node is then scored.
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert ["kubernetes.io/hostname"] == [each["topologyKey"] for each in spread]
    (apart,) = deployment["template"]["spec"]["affinity"]["podAntiAffinity"].values()
    assert ["topology.kubernetes.io/zone"] == [each["podAffinityTerm"]["topologyKey"] for each in apart]


def test_one_replica_has_no_budget_that_would_hold_up_a_drain(helm: Helm) -> None:
    assert [] == of_kind(helm.render({"replicaCount": 1}), "PodDisruptionBudget")


def test_without_a_lease_the_old_one_goes_before_the_new_one_comes(helm: Helm) -> None:
    manifests = helm.render(MATRIX["one replica without a Lease"])
    assert "leader_lease" not in arguments(manifests)
    assert {"type": "Recreate"} == one(manifests, "Deployment")["spec"]["strategy"]


def test_a_stop_is_waited_for_as_long_as_the_operator_waits(helm: Helm) -> None:
    spec = one(helm.render({"settings": {"stopSeconds": 90}}), "Deployment")["spec"]["template"]["spec"]
    assert 100 == spec["terminationGracePeriodSeconds"]


def test_a_digest_wins_over_the_tag(helm: Helm) -> None:
    image = {"repository": "r.example.com/k", "tag": "1", "digest": f"sha256:{'a' * 64}"}
    assert f"r.example.com/k@sha256:{'a' * 64}" == container(helm.render({"image": image}))["image"]
    assert f"kite-operator:{__version__}" == container(helm.render())["image"]


def test_the_api_server_is_reached_without_the_proxy(helm: Helm) -> None:
    env = {
        each["name"]: each["value"] for each in container(helm.render(MATRIX["behind a proxy that inspects"]))["env"]
    }
    assert "http://proxy.example.com:3128" == env["HTTPS_PROXY"]
    assert ["$(KUBERNETES_SERVICE_HOST)", "10.0.0.0/8"] == [env["NO_PROXY"].split(",")[n] for n in (0, -1)]
    assert env["SSL_CERT_FILE"] == env["REQUESTS_CA_BUNDLE"] == "/etc/kite-operator/ca/ca.crt"


def test_metrics_are_closed_to_all_but_those_that_are_named(helm: Helm) -> None:
    policy = one(helm.render(), "NetworkPolicy")["spec"]
    assert ["Ingress", "Egress"] == policy["policyTypes"]
    (rule,) = policy["ingress"]
    assert [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}] == rule["from"]
    closed = one(helm.render({"networkPolicy": {"metricsFrom": []}}), "NetworkPolicy")["spec"]
    assert not closed["ingress"]
    out = {(each["port"], each["protocol"]) for rule in policy["egress"] for each in rule["ports"]}
    assert {(53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP")} == out


def test_monitors_leave_the_credentials_their_namespace(helm: Helm) -> None:
    service = one(helm.render(MATRIX["ServiceMonitor"]), "ServiceMonitor")
    assert "prometheus" == service["metadata"]["labels"]["release"]
    assert [True] == [each["honorLabels"] for each in service["spec"]["endpoints"]]
    pod = one(helm.render(MATRIX["PodMonitor"]), "PodMonitor")
    assert [True] == [each["honorLabels"] for each in pod["spec"]["podMetricsEndpoints"]]


def test_the_alerts_are_those_of_deploy(helm: Helm) -> None:
    rule = yaml.safe_load((DEPLOY / "monitoring" / "prometheus-operator" / "prometheusrule.yaml").read_text())
    mine = one(helm.render(MATRIX["alerts"]), "PrometheusRule")
    assert rule["spec"] == mine["spec"]
    assert "prometheus" == mine["metadata"]["labels"]["release"]


def test_the_page_on_traces_shows_values_that_switch_them_on(helm: Helm) -> None:
    (values,) = blocks(section(page("docs/logs-and-traces.md"), "Traces"), "yaml")
    manifests = helm.render(yaml.safe_load(values))
    assert "true" == arguments(manifests)["tracing"]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in [each["name"] for each in container(manifests)["env"]]
    ports = [port["port"] for rule in one(manifests, "NetworkPolicy")["spec"]["egress"] for port in rule["ports"]]
    assert 4318 in ports


def test_alerts_and_panels_link_to_the_runbook_where_people_say_that_it_is(helm: Helm) -> None:
    there = {"runbookUrl": "https://wiki.example/kite", "dashboards": {"enabled": True}}
    manifests = helm.render({"monitoring": {**MATRIX["alerts"]["monitoring"], **there}})
    plain = one(helm.render(MATRIX["alerts"]), "PrometheusRule")["spec"]["groups"]
    linked = one(manifests, "PrometheusRule")["spec"]["groups"]
    for rule in (rule for group in linked for rule in group["rules"]):
        link = rule["annotations"].pop("runbook_url")
        assert link == f"https://wiki.example/kite#{rule['alert'].lower()}"
    assert plain == linked
    dashboards = [json.loads(text) for each in of_kind(manifests, "ConfigMap") for text in each["data"].values()]
    told = [panel.get("description", "") for each in dashboards for panel in each["panels"]]
    link = "Runbook: [docs/troubleshooting.md#kitetokennotready](https://wiki.example/kite#kitetokennotready)."
    assert any(text.endswith(link) for text in told)
    assert not any("`docs/troubleshooting.md" in text for text in told)


@pytest.mark.parametrize(
    ("monitor", "braces"),
    [(None, ""), ("serviceMonitor", '{namespace="kite-operator"}'), ("podMonitor", '{namespace="kite-operator"}')],
)
def test_a_release_that_is_scraped_by_its_own_monitor_is_missed_whoever_else_runs(
    helm: Helm, monitor: str | None, braces: str
) -> None:
    rules = one(helm.render(MATRIX["alerts"]), "PrometheusRule")["spec"]["groups"]
    scraped = {"prometheusRule": {"enabled": True}} | ({monitor: {"enabled": True}} if monitor else {})
    found = one(helm.render({"monitoring": scraped}), "PrometheusRule")["spec"]["groups"]
    plain, own = (
        {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]} for groups in (rules, found)
    )
    metric = "kite_operator_last_progress_timestamp_seconds"
    assert f"absent({metric}{braces})" == own["KiteOperatorAbsent"]
    assert plain | {"KiteOperatorAbsent": own["KiteOperatorAbsent"]} == own


@pytest.mark.parametrize("address", ["javascript:alert(1)", "wiki.example", 'https://wiki.example/"'])
def test_a_runbook_that_is_no_address_is_refused(helm: Helm, address: str) -> None:
    with pytest.raises(HelmError, match="runbookUrl"):
        helm.render({"monitoring": {"runbookUrl": address}})


def test_a_dashboard_becomes_a_config_map_that_grafana_finds(helm: Helm, tmp_path: Path) -> None:
    chart = tmp_path / "kite-operator"
    shutil.copytree(CHART, chart)
    shutil.rmtree(chart / "files" / "monitoring" / "dashboards", ignore_errors=True)
    values = {"monitoring": {"dashboards": {"enabled": True, "annotations": {"folder": "Kite"}}}}
    with pytest.raises(HelmError, match="this chart has no dashboards"):
        helm.run("template", RELEASE, str(chart), values=values)
    (chart / "files" / "monitoring" / "dashboards").mkdir()
    text = '{"title": "Kite {{ $labels.name }}",\n "panels": []}\n'
    (chart / "files" / "monitoring" / "dashboards" / "kite-operator-tokens.json").write_text(text)
    made = one(yaml.safe_load_all(helm.run("template", RELEASE, str(chart), values=values)), "ConfigMap")
    assert "kite-operator-tokens" == made["metadata"]["name"]
    assert "1" == made["metadata"]["labels"]["grafana_dashboard"]
    assert {"folder": "Kite"} == made["metadata"]["annotations"]
    assert json.loads(text) == json.loads(made["data"]["kite-operator-tokens.json"])


def test_a_service_monitor_selects_the_service_of_metrics_alone(helm: Helm) -> None:
    manifests = helm.render({**LOGIN, **MATRIX["ServiceMonitor"]})
    wanted = one(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    services = [
        each["metadata"] for each in of_kind(manifests, "Service") if wanted <= each["metadata"]["labels"].items()
    ]
    assert ["kite-operator-metrics"] == [each["name"] for each in services]


def test_the_login_page_is_routed_by_the_host_and_path_of_its_public_address(helm: Helm) -> None:
    (rule,) = one(helm.render(MATRIX["login page behind an Ingress"]), "Ingress")["spec"]["rules"]
    assert ("login.example.com", "/kite") == (rule["host"], rule["http"]["paths"][0]["path"])
    route = one(helm.render(MATRIX["login page behind a Gateway"]), "HTTPRoute")["spec"]
    assert ["login.example.com"] == route["hostnames"]
    assert "/kite" == route["rules"][0]["matches"][0]["path"]["value"]


def test_with_the_sandbox_nothing_is_asked_of_kite(helm: Helm) -> None:
    manifests = helm.render(MATRIX["sandbox"])
    given = arguments(manifests)
    base = "http://kite-operator-sandbox.kite-operator.svc"
    assert (f"{base}:9010", f"{base}:9011") == (given["api_url"], given["login_url"])
    ports = {port["name"] for port in one(manifests, "Service", "kite-operator-sandbox")["spec"]["ports"]}
    assert {"api", "login"} == ports  # the admin API hands out tokens


def test_the_crd_is_the_one_of_deploy_and_stays(helm: Helm) -> None:
    crd = yaml.safe_load((DEPLOY / "crd" / "kitecredentials.yaml").read_text())
    rendered = one(helm.render(), "CustomResourceDefinition")
    assert crd["spec"] == rendered["spec"]
    assert {"helm.sh/resource-policy": "keep"} == rendered["metadata"]["annotations"]
    assert crd["metadata"]["labels"].items() <= rendered["metadata"]["labels"].items()
    lost = one(helm.render({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert "annotations" not in lost["metadata"]


def test_the_policy_of_restarts_is_the_one_of_deploy_for_this_release(helm: Helm) -> None:
    text = (DEPLOY / "rollout" / "validatingadmissionpolicy.yaml").read_text()
    policy, binding = yaml.safe_load_all(
        text.replace("serviceaccount:kite-operator:kite-operator", "serviceaccount:desk:kite-operator")
    )
    manifests = helm.render(MATRIX["rollout restarts"], namespace="desk")
    mine, bound = (
        one(manifests, "ValidatingAdmissionPolicy"),
        one(manifests, "ValidatingAdmissionPolicyBinding"),
    )
    assert policy["spec"] == mine["spec"]
    assert {**binding["spec"], "policyName": mine["metadata"]["name"]} == bound["spec"]
    assert "desk.kite-operator-rollout" == mine["metadata"]["name"]


def test_two_releases_of_one_name_do_not_share_objects_of_the_cluster(helm: Helm) -> None:
    values = {"rollout": {"enabled": True}, "crds": {"enabled": False}}
    one_side, other = (
        {(each["kind"], each["metadata"]["name"]) for each in helm.render(values, namespace=name) if _is_wide(each)}
        for name in ("desk", "kite-operator")
    )
    assert one_side
    assert set() == one_side & other


def test_releases_of_one_name_that_share_an_account_namespace_have_a_lease_and_roles_each(helm: Helm) -> None:
    values = {"namespaces": ["desk"], "accountNamespace": "ledger"}
    sides = [helm.render(values, namespace=name) for name in ("one", "two")]
    assert ["one.kite-operator", "two.kite-operator"] == [arguments(each)["leader_lease"] for each in sides]
    one_side, other = (
        {
            (each["kind"], each["metadata"]["name"])
            for each in side
            if each["metadata"]["namespace"] in ("desk", "ledger")
        }
        for side in ([each for each in side if not _is_wide(each)] for side in sides)
    )
    assert 4 == len(one_side)
    assert set() == one_side & other
    named = helm.render({**values, "leaderElection": {"leaseName": "mine"}}, namespace="one")
    assert "mine" == arguments(named)["leader_lease"]


def test_what_is_given_for_the_pods_reaches_them(helm: Helm) -> None:
    values = MATRIX["everything of a pod"]
    manifests = helm.render(values)
    deployment = one(manifests, "Deployment")
    template = deployment["spec"]["template"]
    assert values["podLabels"].items() <= template["metadata"]["labels"].items()
    assert values["podAnnotations"].items() <= template["metadata"]["annotations"].items()
    assert values["deploymentAnnotations"] == deployment["metadata"]["annotations"]
    assert values["revisionHistoryLimit"] == deployment["spec"]["revisionHistoryLimit"]
    same = (
        "nodeSelector",
        "tolerations",
        "affinity",
        "priorityClassName",
        "topologySpreadConstraints",
        "imagePullSecrets",
    )
    assert {name: values[name] for name in same} == {name: template["spec"][name] for name in same}
    (inside,) = template["spec"]["containers"]
    assert values["extraEnv"] == inside["env"]
    assert values["extraEnvFrom"] == inside["envFrom"]
    assert values["extraVolumes"][0] in template["spec"]["volumes"]
    assert values["extraVolumeMounts"][0] in inside["volumeMounts"]
    user = {key: template["spec"]["securityContext"][key] for key in ("runAsUser", "runAsGroup")}
    assert {"runAsUser": 1000, "runAsGroup": 1000} == user
    assert values["serviceAccount"]["annotations"] == one(manifests, "ServiceAccount")["metadata"]["annotations"]
    assert all("desk" == each["metadata"]["labels"]["team"] for each in manifests)


def test_the_page_on_logs_shows_values_that_give_the_audit_log_a_place_to_write_to(helm: Helm) -> None:
    (values,) = blocks(section(page("docs/logs-and-traces.md"), "Audit"), "yaml")
    manifests = helm.render(yaml.safe_load(values))
    file = arguments(manifests)["audit_log"]
    inside, pod = container(manifests), one(manifests, "Deployment")["spec"]["template"]["spec"]
    (mount,) = [each for each in inside["volumeMounts"] if file.startswith(f"{each['mountPath']}/")]
    assert [mount["name"]] == [each["name"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert not mount.get("readOnly")
    assert pod["securityContext"]["runAsGroup"] == pod["securityContext"]["fsGroup"]
    # Kubernetes puts in what the environment has, or a file of this very name would be written by all.
    assert {f"$({each['name']})" for each in inside["env"]} == set(re.findall(r"\$\(\w+\)", file))
    assert "fsGroup" not in one(helm.render(), "Deployment")["spec"]["template"]["spec"]["securityContext"]


def test_names_of_digits_stay_names(helm: Helm) -> None:
    """YAML takes 2024 without quotes for a number, and the API server takes no number for a name."""
    given = {
        **LOGIN,
        "fullnameOverride": "2024",
        "nameOverride": "2025",
        "namespaces": ["2026"],
        "accountNamespace": "2027",
        "priorityClassName": "2028",
        "ingress": {"enabled": True, "className": "2029", "tlsSecretName": "2030"},
        "caBundle": {"configMapName": "2031"},
    }
    manifests = helm.render(given, namespace="2032")
    assert {"2026", "2027", "2032"} == {each["metadata"].get("namespace", "2032") for each in manifests}
    names = {each["metadata"]["name"] for each in manifests}
    assert "2024" in names
    assert {str} == {type(name) for name in names}
    pod = one(manifests, "Deployment")["spec"]["template"]
    assert "2025" == pod["metadata"]["labels"]["app.kubernetes.io/name"]
    assert ["2028", "2024"] == [pod["spec"][key] for key in ("priorityClassName", "serviceAccountName")]
    assert ["2031"] == [each["configMap"]["name"] for each in pod["spec"]["volumes"] if "configMap" in each]
    ingress = one(manifests, "Ingress")["spec"]
    assert ("2029", "2030") == (ingress["ingressClassName"], ingress["tls"][0]["secretName"])


def test_a_number_of_ten_digits_is_written_in_full(helm: Helm) -> None:
    """As OpenShift gives them to a namespace: Helm would write 1.00065e+09."""
    text = helm.run(
        "template", RELEASE, str(CHART), values={"runAs": dict.fromkeys(("user", "group", "fsGroup"), 10**9 + 650000)}
    )
    assert ["1000650000"] * 3 == re.findall(r"(?:runAsUser|runAsGroup|fsGroup): (\S+)", text)


def test_a_label_that_is_given_twice_is_there_once_and_the_nearer_one_wins(helm: Helm) -> None:
    text = helm.run("template", RELEASE, str(CHART), values={"commonLabels": {"team": "a"}, "podLabels": {"team": "b"}})
    assert 1 == text.count("team: b")
    template = one((each for each in yaml.safe_load_all(text) if each), "Deployment")["spec"]["template"]
    assert "b" == template["metadata"]["labels"]["team"]
    labels = text[text.index("template:\n") :].partition("annotations:")[0]
    assert 1 == labels.count("team:")


def test_the_sandbox_of_the_trial_starts_with_the_seed_of_the_page(helm: Helm) -> None:
    (text,) = blocks(section(page("docs/install.md"), "Try it out"), "yaml")
    values = yaml.safe_load(text)
    secret = one(helm.render(values), "Secret", "kite-operator-sandbox-seed")
    assert values["sandbox"]["seed"] == json.loads(base64.b64decode(secret["data"]["seed.json"]))


def test_the_sandbox_starts_again_with_another_seed_and_runs_where_the_operator_does(helm: Helm) -> None:
    where = {"nodeSelector": {"pool": "try"}, "tolerations": [{"key": "try", "operator": "Exists"}]}
    first, second = (
        one(helm.render({"sandbox": {"enabled": True, "seed": seed}, **where}), "Deployment", "kite-operator-sandbox")
        for seed in ({"accounts": [{"client_id": "AB1234"}]}, {"accounts": [{"client_id": "CD5678"}]})
    )
    assert first["spec"]["template"]["metadata"] != second["spec"]["template"]["metadata"]
    assert where.items() <= first["spec"]["template"]["spec"].items()


def test_the_service_of_the_login_page_has_what_a_load_balancer_reads(helm: Helm) -> None:
    note = {"cloud.google.com/backend-config": '{"default": "iap"}'}
    made = helm.render({**LOGIN, "login": {"enabled": True, "serviceAnnotations": note}})
    assert note == one(made, "Service", "kite-operator-login")["metadata"]["annotations"]
    assert "annotations" not in one(made, "Service", "kite-operator-metrics")["metadata"]


def _is_wide(each: Manifest) -> bool:
    return "namespace" not in each["metadata"]


def test_the_charts_version_is_the_operators() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (__version__, __version__) == (chart["version"], chart["appVersion"])
