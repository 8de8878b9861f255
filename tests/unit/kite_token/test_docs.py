"""docs/trading-pods.md, README and examples/ say what the library and the samples are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import kite_token
from support.documents import ROOT, blocks, codes, page, rows, section

PAGE = page("docs/trading-pods.md")
DEPLOYMENT = yaml.safe_load(page("examples/trader.yaml"))
TEMPLATE = DEPLOYMENT["spec"]["template"]["spec"]
PODS = [
    TEMPLATE,
    *(
        pod["spec"]
        for name in ("README.md", "docs/trading-pods.md")
        for text in blocks(page(name), "yaml")
        for pod in yaml.safe_load_all(text)
        if pod.get("kind") == "Pod"
    ),
]


def test_every_public_name_is_in_the_reference() -> None:
    named = {code for row in rows(section(PAGE, "Reference")) for code in codes(row[0])}
    assert set(kite_token.__all__) == {re.split(r"[.(]", name)[0] for name in named}


def test_every_method_is_in_the_reference_and_no_other() -> None:
    named = {
        code.partition("(")[0] for row in rows(section(PAGE, "Reference")) for code in codes(row[0]) if "." in code
    }
    classes: list[type] = [kite_token.Token, kite_token.TokenFolder]
    there = {f"{each.__name__}.{name}" for each in classes for name in vars(each) if callable(getattr(each, name))}
    assert named == {name for name in there if "._" not in name}


def test_the_documented_defaults_are_those_of_the_code() -> None:
    assert f"`{kite_token.DEFAULT_FOLDER}` and `{kite_token.FOLDER_VARIABLE}`" in section(PAGE, "Reference")


@pytest.mark.parametrize("name", ["README.md", "docs/trading-pods.md"])
def test_the_code_compiles(name: str) -> None:
    found = [*blocks(page(name), "py"), *blocks(page(name), "python")]
    assert found
    for code in found:
        compile(code, name, "exec")


def test_every_pod_mounts_the_folder_where_the_library_looks() -> None:
    mounts = [mount for pod in PODS for container in pod["containers"] for mount in container["volumeMounts"]]
    assert 3 == len(mounts)
    assert {(str(kite_token.DEFAULT_FOLDER), True)} == {(mount["mountPath"], mount["readOnly"]) for mount in mounts}
    assert not any("subPath" in mount for mount in mounts)


def test_every_pod_mounts_the_secret_of_the_sample() -> None:
    (sample,) = [
        body
        for body in yaml.safe_load_all(page("deploy/samples/manual.yaml"))
        if body["kind"] == "KiteCredential" and body["metadata"]["name"] == "alpha"
    ]
    mounted = {volume["secret"]["secretName"] for pod in PODS for volume in pod["volumes"]}
    assert {sample["spec"]["target"]["name"]} == mounted


def test_the_example_fits_the_restricted_pod_security_standard() -> None:
    pod, (container,) = TEMPLATE["securityContext"], TEMPLATE["containers"]
    own = container["securityContext"]
    assert (True, "RuntimeDefault") == (pod["runAsNonRoot"], pod["seccompProfile"]["type"])
    assert (False, ["ALL"], True) == (
        own["allowPrivilegeEscalation"],
        own["capabilities"]["drop"],
        own["readOnlyRootFilesystem"],
    )
    assert pod["fsGroup"] == pod["runAsGroup"]
    assert TEMPLATE["automountServiceAccountToken"] is False


def test_the_example_never_runs_twice() -> None:
    assert (1, "Recreate") == (DEPLOYMENT["spec"]["replicas"], DEPLOYMENT["spec"]["strategy"]["type"])


def test_the_image_holds_what_the_deployment_starts() -> None:
    (dockerfile,) = blocks(PAGE, "dockerfile")
    (command,) = blocks(section(PAGE, "Get the library"), "console")
    sources = [Path(source) for source in re.findall(r"kite-operator/(\S+)", command)]
    assert [] == [source for source in sources if not (ROOT / source).exists()]
    into = dict(re.findall(r"^COPY (\S+?)/? (\S+)$", dockerfile, re.MULTILINE))
    assert [source.name for source in sources] == list(into)
    assert f"{into['trader.py']}trader.py" == TEMPLATE["containers"][0]["command"][-1]
    user: dict[str, Any] = TEMPLATE["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in dockerfile
