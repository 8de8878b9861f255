"""The shape of the KiteCredential CRD, and docs/reference.md against it.

What the API server makes of the rules is tested on a real one, in tests/cluster/test_crd_*.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from kite_operator.decide.rollout import Finding
from kite_operator.model import conditions, parse, resource, rollout
from support.whole_status import STORED, places

ROOT = Path(__file__).parents[2]
DNS_NAME_MAX = 253
# A sentence about what is wrong, with an instruction: the verbs that the messages of the rules use for it.
INSTRUCTION = re.compile(
    r"\b(must be|must start with|must not pass|choose|keep|create|remove|set|use|name|needs)\b", re.IGNORECASE
)


@cache
def crd() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy/crd/kitecredentials.yaml").read_text("utf-8"))
    return loaded


def version() -> dict[str, Any]:
    (only,) = crd()["spec"]["versions"]
    assert isinstance(only, dict)
    return only


@dataclass(frozen=True, slots=True)
class Node:
    """One schema and where it stands: `spec.target.labels.*` is a map's value, `status.conditions[]` a list's item."""

    path: str
    schema: dict[str, Any]


def walk(node: Node) -> Iterator[Node]:
    yield node
    for name, child in node.schema.get("properties", {}).items():
        yield from walk(Node(f"{node.path}.{name}".lstrip("."), child))
    if "items" in node.schema:
        yield from walk(Node(f"{node.path}[]", node.schema["items"]))
    if "additionalProperties" in node.schema:
        yield from walk(Node(f"{node.path}.*", node.schema["additionalProperties"]))


NODES = list(walk(Node("", version()["schema"]["openAPIV3Schema"])))
# Kubernetes owns these; a CRD must not describe the metadata.
OURS = [node for node in NODES if node.path in {"", "spec", "status"} or node.path.startswith(("spec.", "status."))]
RULES = [(node.path, rule) for node in NODES for rule in node.schema.get("x-kubernetes-validations", [])]

each_node = pytest.mark.parametrize("node", [pytest.param(node, id=node.path or "root") for node in OURS])


@each_node
def test_every_field_has_a_description_that_is_a_sentence(node: Node) -> None:
    description = node.schema.get("description", "")

    assert re.match(r"[A-Z].*[.]$", description), description


@each_node
def test_no_field_has_a_default(node: Node) -> None:
    assert "default" not in node.schema


@each_node
def test_no_field_keeps_what_the_schema_does_not_know(node: Node) -> None:
    assert "x-kubernetes-preserve-unknown-fields" not in node.schema
    assert "x-kubernetes-embedded-resource" not in node.schema
    assert "x-kubernetes-int-or-string" not in node.schema


@each_node
def test_every_field_has_a_bound(node: Node) -> None:
    match node.schema["type"]:
        case "string":
            bounds = {"enum", "maxLength"}
        case "array":
            bounds = {"maxItems"}
        case "integer":
            bounds = {"minimum"}
        case "object" if "additionalProperties" in node.schema:
            bounds = {"maxProperties"}
        case "object":
            bounds = {"properties"}
        case other:
            assert other == "boolean"
            return

    assert bounds & node.schema.keys()


@each_node
def test_a_required_field_exists(node: Node) -> None:
    assert set(node.schema.get("required", [])) <= node.schema.get("properties", {}).keys()


@pytest.mark.parametrize("node", [node for node in OURS if node.path.startswith("spec")], ids=lambda node: node.path)
def test_what_a_person_types_is_not_checked_by_a_pattern(node: Node) -> None:
    assert not {"pattern", "minLength", "format"} & node.schema.keys()


@pytest.mark.parametrize("node", [node for node in OURS if node.path.endswith(("Ref.name", "target.name"))])
def test_a_secret_name_is_as_long_as_kubernetes_allows(node: Node) -> None:
    assert node.schema["maxLength"] == DNS_NAME_MAX


@pytest.mark.parametrize(("path", "rule"), RULES)
def test_every_rule_says_what_to_do(path: str, rule: dict[str, Any]) -> None:
    message = rule.get("message", "")

    assert INSTRUCTION.search(message), f"{path}: {message!r}"
    assert "\n" not in message
    assert not message.endswith(".")


@pytest.mark.parametrize(("path", "rule"), RULES)
def test_a_rule_names_its_field_in_its_message(path: str, rule: dict[str, Any]) -> None:
    place = (path + rule.get("fieldPath", "")).removesuffix(".*").removeprefix(".").removeprefix("spec.")

    assert place in rule["message"]


def test_a_message_is_used_once_so_that_it_tells_the_place() -> None:
    messages = [rule["message"] for _, rule in RULES]

    assert len(messages) == len(set(messages))


def test_the_client_id_is_compared_with_the_old_one_across_required_fields_only() -> None:
    root = next(node for node in NODES if node.path == "")
    spec = next(node for node in NODES if node.path == "spec")
    transitions = [path for path, rule in RULES if "oldSelf" in rule["rule"]]

    assert transitions == ["spec.clientID"]
    assert "spec" in root.schema["required"]
    assert "clientID" in spec.schema["required"]


def test_the_names_are_those_of_the_documentation() -> None:
    names = crd()["spec"]["names"]

    assert crd()["metadata"]["name"] == f"{names['plural']}.{crd()['spec']['group']}"
    assert names == {
        "kind": "KiteCredential",
        "listKind": "KiteCredentialList",
        "plural": "kitecredentials",
        "singular": "kitecredential",
        "shortNames": ["kitecred"],
        "categories": ["kite"],
    }


def test_one_version_is_served_and_stored_with_a_status_of_its_own() -> None:
    assert version()["name"] == "v1alpha1"
    assert version()["served"] is True
    assert version()["storage"] is True
    assert version()["subresources"] == {"status": {}}


def test_nothing_stands_in_the_way_of_an_uninstall() -> None:
    assert "finalizers" not in crd()["metadata"]
    assert "conversion" not in crd()["spec"]


def test_a_selectable_field_and_a_column_point_at_fields_that_exist() -> None:
    paths = {node.path for node in NODES}
    selectable = [field["jsonPath"].lstrip(".") for field in version()["selectableFields"]]
    columns = [column["jsonPath"].lstrip(".") for column in version()["additionalPrinterColumns"]]
    plain = [re.sub(r"\[\?\(@\.type==\"Ready\"\)\]", "[]", column) for column in columns]

    assert set(selectable) <= paths
    assert set(plain) - {"metadata.creationTimestamp"} <= paths


def test_no_column_but_the_age_is_a_date() -> None:
    dates = [column["name"] for column in version()["additionalPrinterColumns"] if column["type"] == "date"]

    assert dates == ["Age"]


@cache
def reference() -> str:
    return (ROOT / "docs/reference.md").read_text("utf-8")


def rows(prefix: str) -> dict[str, list[str]]:
    """The table rows of the reference whose first cell is a field under `prefix`: path -> the other cells."""
    found = {}
    for line in reference().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(rf"`{prefix}([.][\w.\[\]]+)?`", cells[0]):
            found[cells[0].strip("`")] = cells[1:]
    return found


def type_in_words(schema: dict[str, Any]) -> str:
    if "items" in schema:
        return f"list of {schema['items']['type']}"
    if "additionalProperties" in schema:
        return f"map of {schema['additionalProperties']['type']}"
    return str(schema["type"])


@pytest.mark.parametrize("section", ["spec", "status"])
def test_the_reference_lists_every_field_with_its_type_in_the_order_of_the_schema(section: str) -> None:
    fields = {
        node.path: type_in_words(node.schema)
        for node in OURS
        if node.path.split(".")[0] == section and not node.path.endswith(("[]", ".*"))
    }

    assert list(fields.items()) == [(path, cells[0]) for path, cells in rows(section).items()]


def test_the_reference_marks_the_required_fields() -> None:
    required = {
        f"{node.path}.{name}".lstrip(".")
        for node in OURS
        if node.path.split(".")[0] in {"", "spec"}
        for name in node.schema.get("required", [])
    }

    assert required == {path for path, cells in rows("spec").items() if cells[1].startswith("required")}


def test_the_reference_and_the_descriptions_agree_on_the_defaults() -> None:
    described = {node.path: node.schema["description"] for node in OURS}
    defaults = {path: cells[1].strip("`") for path, cells in rows("spec").items() if cells[1].startswith("`")}

    assert defaults == {
        "spec.login.relogin": "WhenDead",
        "spec.schedule.at": "07:35",
        "spec.schedule.readyBy": "08:45",
        "spec.schedule.jitter": "10m",
        "spec.schedule.days": "Daily",
        "spec.probe.interval": "5m",
        "spec.target.deletionPolicy": "Delete",
        "spec.target.format": "keys",
        "spec.rollout.when": "OutsideMarketHours",
        "spec.rollout.marketHours": "09:00-15:30",
        "spec.suspend": "false",
    }
    for path, default in defaults.items():
        assert re.search(rf"\b{default} when not set", described[path], re.IGNORECASE), path


def test_the_operator_resolves_the_defaults_of_the_reference() -> None:
    (sample,) = documents(ROOT / "deploy/samples/manual.yaml", "KiteCredential").values()
    written: dict[str, Any] = {"schedule": {}, "probe": {}}
    for path, cells in rows("spec").items():
        _, _, group_and_name = path.partition(".")
        group, _, name = group_and_name.partition(".")
        if group in written and cells[1].startswith("`"):
            written[group][name] = cells[1].strip("`")
    spelled_out = {**sample, "spec": {**sample["spec"], **written}}

    assert "schedule" not in sample["spec"]
    assert parse.parse_credential(spelled_out).timing == parse.parse_credential(sample).timing
    assert parse.parse_credential(sample).suspended is False
    target = parse.parse_credential(sample).target
    defaults = rows("spec")
    assert f"`{target.deletion_policy}`" == defaults["spec.target.deletionPolicy"][1]
    assert ", ".join(f"`{name}`" for name in target.formats) == defaults["spec.target.format"][1]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("spec.target.deletionPolicy", [resource.DELETE, resource.RETAIN]),
        ("spec.target.format[]", list(resource.FORMATS)),
        ("spec.rollout.restart[].kind", list(rollout.KINDS)),
        ("spec.rollout.when", [rollout.OUTSIDE_MARKET_HOURS, rollout.ALWAYS]),
    ],
)
def test_the_schema_offers_what_the_operator_knows(path: str, known: list[str]) -> None:
    assert known == next(node.schema["enum"] for node in OURS if node.path == path)


@pytest.mark.parametrize("word", [resource.REFRESH_ANNOTATION, resource.ACKNOWLEDGE_ANNOTATION])
def test_the_reference_lists_the_annotations_that_the_operator_obeys(word: str) -> None:
    assert f"| `{word}` |" in reference()


@pytest.mark.parametrize("word", [resource.ROLE_LABEL, resource.CREDENTIAL_LABEL])
def test_the_reference_lists_the_labels_that_the_operator_sets(word: str) -> None:
    assert f"| `{word}` |" in reference()


def test_the_reference_and_the_crd_name_the_condition_types_of_the_operator() -> None:
    listed = re.findall(r"^[|] `(\w+)` [|]", reference().split("### Conditions")[1].split("###")[0], re.MULTILINE)
    described = next(node.schema["description"] for node in OURS if node.path == "status.conditions")

    assert list(conditions.TYPES) == listed
    assert described.endswith(f": {', '.join(conditions.TYPES)}.")


def test_the_crd_has_the_names_that_the_operator_watches() -> None:
    assert crd()["spec"]["group"] == resource.GROUP
    assert version()["name"] == resource.VERSION
    assert crd()["spec"]["names"]["kind"] == resource.KIND
    assert crd()["spec"]["names"]["plural"] == resource.PLURAL


def test_the_reference_lists_the_columns_and_the_selectable_fields() -> None:
    columns = ", ".join(f"`{column['name']}`" for column in version()["additionalPrinterColumns"])
    selectable = ", ".join(f"`{field['jsonPath'].lstrip('.')}`" for field in version()["selectableFields"])

    assert f"| columns | {columns} |" in reference()
    assert f"| field selectors | {selectable} |" in reference()


def test_every_link_inside_the_reference_has_its_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", reference(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-").replace("'", "") for heading in headings}

    assert set(re.findall(r"\(#([\w-]+)\)", reference())) <= anchors


def samples() -> list[Path]:
    return sorted((ROOT / "deploy/samples").glob("*.yaml"))


def documents(sample: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The sample's objects of one kind by name."""
    loaded = yaml.safe_load_all(sample.read_text("utf-8"))
    return {document["metadata"]["name"]: document for document in loaded if document["kind"] == kind}


def test_there_is_a_sample_for_each_login_mode() -> None:
    modes = [
        credential["spec"]["login"]["mode"]
        for sample in samples()
        for credential in documents(sample, "KiteCredential").values()
    ]
    offered = next(node.schema["enum"] for node in OURS if node.path == "spec.login.mode")

    assert sorted(modes) == sorted(offered)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.stem)
def test_a_sample_brings_the_secrets_that_it_names_with_the_documented_keys(sample: Path) -> None:
    secrets = documents(sample, "Secret")
    (credential,) = documents(sample, "KiteCredential").values()
    spec = credential["spec"]
    expected = {spec["appSecretRef"]["name"]: {"api_key", "api_secret"}}
    if "totp" in spec["login"]:
        expected[spec["login"]["totp"]["secretRef"]["name"]] = {"password", "totp_secret"}

    assert expected == {name: set(secret["stringData"]) for name, secret in secrets.items()}
    for secret in secrets.values():
        assert secret["metadata"]["labels"] == {"kite-operator.dev/role": "source"}


def test_the_operator_resolves_the_defaults_of_a_rollout() -> None:
    one = {"restart": [{"kind": "Deployment", "name": "trader"}]}
    written = {name: rows("spec")[f"spec.rollout.{name}"][1].strip("`") for name in ("when", "marketHours")}
    problems: list[str] = []

    spelled_out, short = (rollout.parse_rollout({"rollout": spec}, problems) for spec in ({**one, **written}, one))
    assert spelled_out == short
    assert problems == []


def test_the_schema_and_the_operator_know_the_same_bound_of_workloads() -> None:
    bounds = {
        node.schema["maxItems"] for node in OURS if node.path in {"spec.rollout.restart", "status.rollout.workloads"}
    }

    assert bounds == {rollout.MOST_WORKLOADS}


def test_the_schema_and_the_operator_know_the_same_fields_of_the_status() -> None:
    stored = {"status." + re.sub(r"\.\d+", "[]", ".".join(map(str, path))) for path in places(STORED)}

    assert {node.path for node in OURS if node.path.startswith("status.")} == stored


def test_the_results_of_a_look_at_a_workload_are_those_that_are_described() -> None:
    words = {finding.value for finding in Finding} - {"Owed"}
    described = next(node for node in OURS if node.path == "status.rollout.workloads[].result").schema["description"]
    listed = set(
        re.findall(r"^[|] `(\w+)` [|]", reference().split("#### Rollout restarts")[1].split("\n####")[0], re.MULTILINE)
    )

    assert listed - {"result"} == words
    assert set(re.findall(r"[A-Z]\w+", described.partition(":")[2])) == words
