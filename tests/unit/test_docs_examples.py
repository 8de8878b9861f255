"""What the documentation tells people to apply, type or look for is what the code understands."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kite_operator.broker.codes import parse_totp_secret
from kite_operator.cluster.contents import contents
from kite_operator.cluster.grants import read_grants
from kite_operator.cluster.target import view_target
from kite_operator.model.expiry import IST, at_time
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import DEFAULT_FORMATS
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from kite_operator.model.sources import Problem, parse_app_secret, parse_login_secret
from support.broker_fakes import NOW
from support.documents import PAGES, ROOT, blocks, page, relative

CRD = yaml.safe_load(page("deploy/crd/kitecredentials.yaml"))
(SERVED,) = CRD["spec"]["versions"]
SAMPLES = (*sorted((ROOT / "deploy" / "samples").glob("*.yaml")), ROOT / "deploy" / "rollout" / "example.yaml")
KEY = re.compile(r"kite-operator\\?\.dev/([a-z][a-z-]*)(?![a-z0-9-])")
FROM_GROUP = re.compile(r"\{GROUP\}/([a-z][a-z-]*)")
HEREDOC = re.compile(r"<<END\n(.*?)^ *END$", re.MULTILINE | re.DOTALL)


def _objects(kind: str) -> list[Any]:
    """The objects of one kind in the YAML of README, the quick start and samples."""
    pages = [text for name in ("README.md", "docs/quickstart.md") for text in blocks(page(name), "yaml")]
    texts = [*pages, *(path.read_text() for path in SAMPLES)]
    return [found for text in texts for found in yaml.safe_load_all(text) if found.get("kind") == kind]


def _name(found: Any) -> str:
    return str(found["metadata"]["name"])


@pytest.mark.parametrize("body", _objects("KiteCredential"), ids=_name)
def test_each_credential_has_nothing_to_complain_about(body: dict[str, Any]) -> None:
    assert CRD["spec"]["group"] + "/" + SERVED["name"] == body["apiVersion"]
    assert () == parse_credential(body).problems


@pytest.mark.parametrize("body", _objects("KiteCredential"), ids=_name)
def test_each_credential_has_only_fields_of_the_crd(body: dict[str, Any]) -> None:
    assert [] == _unknown(body["spec"], SERVED["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec")


def _unknown(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    here = [f"{path}.{name}" for name in value if name not in known]
    return here + [
        bad for name in value if name in known for bad in _unknown(value[name], known[name], f"{path}.{name}")
    ]


@pytest.mark.parametrize("body", _objects("KiteCredential"), ids=_name)
def test_each_credential_needs_no_setting_of_the_operator(body: dict[str, Any]) -> None:
    assert view_target(None, parse_credential(body), None).problem is None


@pytest.mark.parametrize("secret", _objects("Secret"), ids=_name)
def test_each_source_secret_can_be_used(secret: dict[str, Any]) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret["stringData"].items()}
    if "password" in data:
        assert not isinstance(parse_login_secret(_name(secret), data, parse_totp_secret), Problem)
    else:
        assert not isinstance(parse_app_secret(_name(secret), data), Problem)


class OneSecret:
    """A cluster that holds one Secret."""

    def __init__(self, secret: dict[str, Any]) -> None:
        self._secret = secret

    async def find(self, _path: str) -> dict[str, Any]:
        return self._secret


@pytest.mark.parametrize("name", ["README.md", "docs/troubleshooting.md"])
async def test_the_grant_that_people_type_is_understood(name: str) -> None:
    (text,) = [found for found in HEREDOC.findall(page(name)) if "login-grant" in found]
    grant = yaml.safe_load(text.replace("$REQUEST_TOKEN", "madeuprequesttoken00000000000001"))
    (token,) = grant["stringData"].values()
    grant["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in grant["stringData"].items()}
    grant["metadata"] |= {"name": "alpha-login-x", "uid": "1", "resourceVersion": "1"}
    credential = parse_credential(next(body for body in _objects("KiteCredential") if _name(body) == "alpha"))
    (read,) = await read_grants(OneSecret(grant), credential, ["alpha-login-x"])  # type: ignore[arg-type]  # a fake
    assert read.request_token == Sensitive(token)


def test_the_keys_that_the_pod_reads_are_written() -> None:
    (code,) = blocks(page("README.md"), "python")
    compile(code, "README.md", "exec")
    login_time = at_time(NOW.astimezone(IST).date(), NOW.astimezone(IST).time())
    session = Session("AB1234", Sensitive("madeupkey"), Sensitive("madeuptoken"), login_time)
    read = set(re.findall(r'FOLDER / "(\w+)"', code))
    assert read
    assert set() == read - contents(session, DEFAULT_FORMATS).keys()


def test_the_columns_that_the_runbook_shows_are_those_of_the_crd() -> None:
    (shown,) = [block for block in blocks(page("docs/troubleshooting.md"), "text") if block.startswith("NAME")]
    columns = [column["name"].upper() for column in SERVED["additionalPrinterColumns"]]
    assert ["NAME", *columns] == shown.splitlines()[0].split()


def _keys_of_the_code() -> set[str]:
    texts = [path.read_text() for path in (ROOT / "operator" / "kite_operator").rglob("*.py")]
    return {key for text in texts for pattern in (KEY, FROM_GROUP) for key in pattern.findall(text)} - {SERVED["name"]}


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_label_annotation_and_type_that_is_named_exists(path: Path) -> None:
    assert set() == set(KEY.findall(path.read_text())) - _keys_of_the_code()


def test_every_label_annotation_and_type_of_the_code_is_documented() -> None:
    documented = {key for path in PAGES for key in KEY.findall(path.read_text())}
    assert set() == _keys_of_the_code() - documented


def test_the_pages_with_several_credentials_name_each_account_once() -> None:
    bodies = [body for text in blocks(page("docs/several-accounts.md"), "yaml") for body in yaml.safe_load_all(text)]
    assert [()] * len(bodies) == [parse_credential(body).problems for body in bodies]
    for value in ("clientID", "target"):
        assert len(bodies) == len({str(body["spec"][value]) for body in bodies})
