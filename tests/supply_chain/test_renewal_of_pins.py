"""renovate.json looks at every file that pins something."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.binaries import BINARIES
from support.documents import ROOT

MODULES = [path.read_text() for path in sorted((ROOT / "tools" / "go").glob("*/go.mod"))]
CONFIGURATION = json.loads((ROOT / "renovate.json").read_text())


def validated(path: Path) -> int:
    program = str(Path(sys.executable).parent / "check-jsonschema")
    command = [program, "--builtin-schema", "vendor.renovate", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603 - of this environment


def test_every_kind_of_pin_has_its_manager() -> None:
    pinned = {
        "pip_requirements": (ROOT / "requirements").glob("*.txt"),
        "gomod": (ROOT / "tools" / "go").glob("*/go.mod"),
        "github-actions": (ROOT / ".github" / "workflows").glob("*.yml"),
        "dockerfile": ROOT.glob("Dockerfile"),
    }
    assert all(any(files) for files in pinned.values())
    assert set(pinned) == set(CONFIGURATION["enabledManagers"])


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_lock_is_matched(path: Path) -> None:
    patterns = [each.strip("/") for each in CONFIGURATION["pip_requirements"]["managerFilePatterns"]]
    assert any(re.search(pattern, str(path.relative_to(ROOT))) for pattern in patterns)


def test_every_tool_is_renewed_though_go_calls_it_indirect() -> None:
    rules = [
        each for each in CONFIGURATION["packageRules"] if each["matchManagers"] == ["gomod"] and each.get("enabled")
    ]
    renewed = {name for each in rules for name in each["matchPackageNames"]}
    built = {each.module.requirement for each in BINARIES.values()}
    indirect = {name for name in built if any(_is_indirect(text, name) for text in MODULES)}
    assert indirect
    assert indirect == renewed


def _is_indirect(module: str, name: str) -> bool:
    return re.search(rf"^\s*(?:require )?{re.escape(name)} v\S+ // indirect$", module, re.MULTILINE) is not None


def test_it_meets_the_schema_and_the_schema_would_refuse_another(tmp_path: Path) -> None:
    assert 0 == validated(ROOT / "renovate.json")
    broken = tmp_path / "renovate.json"
    broken.write_text(json.dumps({**CONFIGURATION, "packageRules": "none"}))
    assert 0 != validated(broken)
