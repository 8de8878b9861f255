"""Rules of the source tree that no import can break unseen."""

import ast
import operator
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "operator"
OPERATOR = SOURCES / "kite_operator"
SANDBOX = SOURCES / "kite_sandbox"

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime"}
    | {"clock_gettime_ns", "localtime", "gmtime", "ctime", "strftime", "sleep", "process_time"},
}
IMPURE = {"asyncio", "time", "random", "secrets", "os", "socket", "threading", "subprocess", "pathlib"} | {
    "kopf",
    "kubernetes",
    "kiteconnect",
    "prometheus_client",
    "aiohttp",
    "requests",
    "pyotp",
}


def modules(*roots: Path) -> list[Path]:
    found = sorted(path for root in roots for path in root.rglob("*.py"))
    assert found
    return found


def named(path: Path) -> str:
    return str(path.relative_to(SOURCES))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module or ""


def readings_of_time(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in CLOCKS.get(owner, ()):
                yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"from time import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "time":
            owner = node.func.value
            if isinstance(owner, ast.Call):  # asyncio.get_running_loop().time()
                yield "loop.time()"


def test_the_source_root_is_never_a_package() -> None:
    assert not (SOURCES / "__init__.py").exists()
    assert "operator" in sys.stdlib_module_names
    assert operator.add(1, 1) == 2
    assert ROOT not in Path(operator.__file__).parents


@pytest.mark.parametrize("path", modules(OPERATOR), ids=named)
def test_only_the_clock_reads_the_time(path: Path) -> None:
    allowed = {
        "kite_operator/clock.py": {"datetime.now", "time.clock_gettime"},
        "kite_operator/logs.py": {"time.gmtime"},  # the converter of a log line's own time
    }
    read = set(readings_of_time(ast.parse(path.read_text())))
    assert read <= allowed.get(named(path), set())


def test_the_scan_for_clocks_would_find_them() -> None:
    text = (
        "import time, datetime as d\nfrom time import time as now\nd.datetime.now()\ndatetime.utcnow()\n"
        "time.monotonic()\nasyncio.get_running_loop().time()\nclock.now()\nrecord.at.time()\n"
    )
    assert {
        "from time import time",
        "datetime.now",
        "datetime.utcnow",
        "time.monotonic",
        "loop.time()",
    } == set(readings_of_time(ast.parse(text)))


@pytest.mark.parametrize("path", modules(OPERATOR / "model", OPERATOR / "decide"), ids=named)
def test_model_and_decisions_are_pure(path: Path) -> None:
    imported = {name.partition(".")[0] for name in imports(ast.parse(path.read_text()))}
    assert set() == imported & IMPURE
    assert not any(
        isinstance(node, (ast.AsyncFunctionDef, ast.Await)) for node in ast.walk(ast.parse(path.read_text()))
    )


@pytest.mark.parametrize("path", modules(OPERATOR / "model"), ids=named)
def test_the_model_knows_nothing_of_the_layers_above_it(path: Path) -> None:
    ours = {name for name in imports(ast.parse(path.read_text())) if name.startswith("kite_operator")}
    assert all(name.startswith("kite_operator.model") for name in ours)


@pytest.mark.parametrize(("root", "stranger"), [(OPERATOR, "kite_sandbox"), (SANDBOX, "kite_operator")])
def test_operator_and_sandbox_are_strangers(root: Path, stranger: str) -> None:
    for path in modules(root):
        assert stranger not in {name.partition(".")[0] for name in imports(ast.parse(path.read_text()))}, path


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    names = {path.stem: path for path in modules(OPERATOR, SANDBOX, ROOT / "tools")}
    names |= {path.parent.name: path for path in modules(OPERATOR, SANDBOX, ROOT / "tools")}
    # `resource` is Kubernetes' own word, and Unix resource limits are not what anybody looks for in a model.
    clashes = set(names) & set(sys.stdlib_module_names) - {"resource"}
    assert set() == {str(names[name]) for name in clashes}


def test_no_module_is_named_for_having_no_name() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    assert set() == {path.stem for path in modules(OPERATOR, SANDBOX, ROOT / "tools")} & vague
