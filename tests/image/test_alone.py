"""The images without a cluster: they run as nobody, on a root that is read-only, and end when they are told to."""

import json
import re
import shlex
import signal
import subprocess
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from image.inputs import version
from support.container import Spec
from support.controlplane import eventually
from support.documents import blocks, page, section
from support.image_runner import Runner
from support.ports import free_port

IMPORT_ALL_OF_OURS = """
import importlib, pkgutil, kite_operator
for each in pkgutil.walk_packages(kite_operator.__path__, "kite_operator."):
    importlib.import_module(each.name)
"""
IMPORT_THE_STANDARD_LIBRARY = """
import importlib, pathlib, sysconfig
for each in pathlib.Path(sysconfig.get_path("platstdlib"), "lib-dynload").glob("*.so"):
    if "test" not in each.name:
        importlib.import_module(each.name.partition(".")[0])
"""
AUTHORITIES = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)"
WRITE_EVERYWHERE = """
import os
for folder, folders, files in os.walk("/"):
    folders[:] = [each for each in folders if f"{folder}{each}" not in ("/proc", "/dev")]
    if os.access(folder, os.W_OK):
        print(folder)
"""


def test_it_says_its_version(operator: Runner) -> None:
    assert version() == operator.output("--version").strip()


def test_it_explains_itself(operator: Runner) -> None:
    assert "--account-namespace" in operator.output("run", "--help")


def test_the_sandbox_explains_itself(sandbox_container: Runner) -> None:
    assert "--seed" in sandbox_container.output("--help")


@pytest.mark.parametrize("program", [IMPORT_ALL_OF_OURS, IMPORT_THE_STANDARD_LIBRARY])
def test_nothing_that_can_be_imported_lacks_a_library(operator: Runner, program: str) -> None:
    assert "" == operator.output("-W", "ignore", "-c", program, command=("python3",))


def test_it_trusts_the_certificate_authorities_that_the_base_brings(operator: Runner) -> None:
    assert "True" == operator.output("-c", AUTHORITIES, command=("python3",)).strip()


def test_there_is_no_place_that_it_can_write_to(operator: Runner) -> None:
    assert "" == operator.output("-c", WRITE_EVERYWHERE, command=("python3",))


def test_what_the_runbook_asks_the_broker_with_can_be_asked_in_it(operator: Runner) -> None:
    lines = blocks(section(page("docs/troubleshooting.md"), "BrokerUnreachable"), "console")[0].splitlines()
    commands = [shlex.split(line.partition(" -- ")[2]) for line in lines]
    assert [["python3", "-c"]] * 2 == [command[:2] for command in commands]
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        asked = [re.sub(r"https://[a-z.]+", here, program) for _, _, program in commands]
        answers = [operator.output("-c", program, command=("python3",)).strip() for program in asked]
        server.shutdown()
    assert ["200", "200"] == answers


@pytest.mark.parametrize("shell", ["sh", "/bin/sh", "bash", "busybox"])
def test_there_is_no_shell(operator: Runner, shell: str) -> None:
    started = operator.start(Spec(command=(shell, "-c", "true")), stderr=subprocess.PIPE)
    _, complaint = started.process.communicate(timeout=60)
    assert started.process.returncode != 0
    assert "executable file not found" in complaint or "no such file" in complaint


def test_a_sigterm_while_it_is_still_being_imported_ends_it(operator: Runner, tmp_path: Path) -> None:
    # It is process 1: without a handler the kernel drops the only SIGTERM that a kubelet sends.
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "argparse.py").write_text("import time\nprint('importing')\ntime.sleep(600)\n")
    search = {"PYTHONPATH": "/slow:/app/operator:/app/packages"}
    spec = Spec(arguments=("--version",), environment=search, mounts={"/slow": tmp_path / "slow"})
    started = operator.start(spec, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert started.process.stdout is not None
        assert "importing" == started.process.stdout.readline().strip()
        assert 128 + signal.SIGTERM == started.stop()
    finally:
        started.remove()
        started.process.communicate()


def test_it_runs_as_nobody_without_a_capability_and_cannot_gain_one(operator: Runner) -> None:
    sleep = ("python3", "-c", "import time; print('up', flush=True); time.sleep(600)")
    started = operator.start(Spec(command=sleep), stdout=subprocess.PIPE)
    try:
        assert started.process.stdout is not None
        assert "up" == started.process.stdout.readline().strip()
        eventually(lambda: started.pid is not None, "runc has written down which process it is")
        assert ["65532"] * 4 == started.of_process_1("Uid").split()
        assert ["65532"] * 4 == started.of_process_1("Gid").split()
        assert {0} == {int(started.of_process_1(each), 16) for each in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}
        assert "1" == started.of_process_1("NoNewPrivs")
    finally:
        started.remove()
        assert started.process.stdout is not None
        started.process.stdout.close()


def test_the_sandbox_answers_and_stops(sandbox_container: Runner) -> None:
    ports = {name: free_port() for name in ("api", "login", "admin")}
    given = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    started = sandbox_container.start(Spec(arguments=("--host", "127.0.0.1", *given)), stdout=subprocess.PIPE)
    try:
        assert started.process.stdout is not None
        urls = json.loads(started.process.stdout.readline())
        assert f"http://127.0.0.1:{ports['api']}" == urls["api_url"]
        answer = requests.get(f"{urls['admin_url']}/admin/counters", timeout=20)
        assert 200 == answer.status_code
        assert 0 == started.stop()
    finally:
        started.remove()
        assert started.process.stdout is not None
        started.process.stdout.close()
