"""docs/sandbox.md names everything that can be switched, scripted, asked or was invented."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from kite_sandbox.error_table import ROWS, Source
from kite_sandbox.presets import PRESETS
from kite_sandbox.server.admin import ROUTES
from kite_sandbox.switches import Switches
from kite_sandbox.world import Step

DOCUMENT = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()


@pytest.mark.parametrize("name", [item.name for item in fields(Switches)])
def test_each_switch_is_described_with_its_default(name: str) -> None:
    default = getattr(Switches(), name)
    shown = f"{default:g}" if isinstance(default, float) else json.dumps(default).strip('"')
    assert re.search(rf"^\| `{name}` \| `{shown}` \|", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("step", list(Step))
def test_each_step_is_described(step: Step) -> None:
    assert re.search(rf"^\| `{step}` \|", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - ROWS.keys()))
def test_each_preset_is_described(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES])
def test_each_admin_call_is_described(method: str, path: str) -> None:
    plain = path.replace(r":\d+", "")
    assert f"| `{method} {plain}` |" in DOCUMENT


@pytest.mark.parametrize("name", sorted(ROWS))
def test_each_refusal_is_listed_with_its_source(name: str) -> None:
    row = ROWS[name]
    source = "SYNTHETIC" if row.source is Source.SYNTHETIC else row.source.name.lower()
    known = f"{source}; SYNTHETIC: {', '.join(row.assumed)}" if row.assumed else source
    assert f"| `{name}` | {row.status} {row.error_type} | {row.message} | {known} |" in DOCUMENT


def test_no_switch_or_preset_is_described_that_does_not_exist() -> None:
    described = set(re.findall(r"^\| `([a-z0-9_]+)` \|", DOCUMENT, re.MULTILINE))
    assert described <= {item.name for item in fields(Switches)} | PRESETS.keys() | set(Step) | ROWS.keys()
