"""The library stays small: the standard library and kiteconnect, and the latter only for a client."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kite_token
from support.mounted_secret import MountedSecret

PACKAGE = Path(kite_token.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LOADED = "import sys; print([name for name in ('kiteconnect', 'twisted', 'requests') if name in sys.modules])"


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module or ""


def _printed(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_the_standard_library_and_kiteconnect_are_imported(path: Path) -> None:
    imported = {name.partition(".")[0] for name in _imports(ast.parse(path.read_text()))}
    assert set() == imported - sys.stdlib_module_names - {"kiteconnect", "kite_token"}


@pytest.mark.parametrize("path", [each for each in MODULES if each.stem != "reporting"], ids=lambda path: path.stem)
def test_it_starts_no_thread_and_reads_no_time(path: Path) -> None:
    imported = {name.partition(".")[0] for name in _imports(ast.parse(path.read_text()))}
    assert set() == imported & {"threading", "asyncio", "time", "sched", "signal", "multiprocessing", "concurrent"}
    read = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert set() == read & {"now", "utcnow", "today"}


def test_reading_a_token_does_not_import_kiteconnect(secret: MountedSecret) -> None:
    assert "[]" == _printed(f"import kite_token; kite_token.read({str(secret.folder)!r}); {LOADED}")


def test_who_does_not_report_loads_nothing_for_it(secret: MountedSecret) -> None:
    folder, url = f"kite_token.TokenFolder({str(secret.folder)!r}", "report_url='http://127.0.0.1:9')"
    loaded = "import sys; print('kite_token.reporting' in sys.modules)"
    assert "False" == _printed(f"import kite_token; {folder}).token(); {loaded}")
    assert "True" == _printed(f"import kite_token; {folder}, {url}.token(); {loaded}")


def test_asking_for_a_client_does(secret: MountedSecret) -> None:
    printed = _printed(f"import kite_token; kite_token.connect({str(secret.folder)!r}); {LOADED}")
    assert "['kiteconnect', 'twisted', 'requests']" == printed


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    assert set() == {path.stem for path in MODULES} & set(sys.stdlib_module_names)


def test_it_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
