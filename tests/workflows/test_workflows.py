"""The workflows run the project's own commands, with actions that cannot change unseen. Nothing here asks GitHub."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from node import machine
from support.documents import ROOT, page, section
from support.realnode import REQUIRED

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TEXTS = {path.name: path.read_text() for path in FILES}
USES = re.compile(r"^\s*(?:- )?uses: (?P<action>[\w./-]+)@(?P<commit>\S+)(?P<rest>.*)$", re.MULTILINE)
PROGRAMS = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROGRAMS / command[0]), *command[1:]], capture_output=True, text=True, check=False)  # noqa: S603


def jobs(name: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(TEXTS[name])["jobs"]
    return made


def commands(name: str) -> Iterator[str]:
    for job in jobs(name).values():
        yield from (step["run"] for step in job.get("steps", []) if "run" in step)


def test_there_are_three() -> None:
    assert {"audit.yml", "ci.yml", "release.yml"} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(name: str) -> None:
    pins = [(each["commit"], each["rest"]) for each in USES.finditer(TEXTS[name])]
    pinned = [pin for pin in pins if re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", "".join(pin))]
    assert pins
    assert pins == pinned


def test_an_action_has_one_version_in_all_workflows() -> None:
    pins = {(each["action"], each["commit"], each["rest"]) for text in TEXTS.values() for each in USES.finditer(text)}
    assert len(pins) == len({action for action, _, _ in pins})


@pytest.mark.parametrize("name", TEXTS)
def test_a_job_has_only_the_rights_that_it_names(name: str) -> None:
    assert {} == yaml.safe_load(TEXTS[name])["permissions"]
    assert all("permissions" in job for job in jobs(name).values())


def test_only_a_release_may_write_anything() -> None:
    writing = {
        (name, job) for name in TEXTS for job, each in jobs(name).items() if "write" in each["permissions"].values()
    }
    assert {("release.yml", "publish")} == writing


def test_ci_runs_what_a_person_runs() -> None:
    assert {"make check", "make test"} <= set(commands("ci.yml"))
    assert "exec make test\n" in page(".ci/run")


def test_ci_leaves_the_real_node_out_nowhere() -> None:
    job = jobs("ci.yml")["test"]
    (step,) = [each for each in job["steps"] if each.get("run") == "make test"]
    assert {"E2E": REQUIRED} == step["env"]
    assert {"--privileged", "--cgroupns=host"} == set(job["container"]["options"].split())
    (installing,) = [each for each in commands("ci.yml") if "apt-get install" in each]
    assert set(machine.PROGRAMS.values()) <= set(installing.split())
    assert 'echo "TMPDIR=$RUNNER_TEMP" >> "$GITHUB_ENV"' in set(commands("ci.yml"))


def test_who_builds_by_hand_gives_the_same_arguments_as_the_release() -> None:
    by_hand = section(page("docs/release.md"), "By hand")
    built = [step["with"] for step in jobs("release.yml")["publish"]["steps"] if "docker/build-push" in str(step)]
    asked = set(re.findall(r"(?m)^ARG (\w+)", page("Dockerfile")))
    assert asked == set(re.findall(r"--build-arg (\w+)=", by_hand))
    assert 3 == len(built) == by_hand.count("$ build --target ")
    for each in built:
        arguments = dict(line.split("=", 1) for line in each["build-args"].splitlines())
        assert asked == {*arguments, "REQUIREMENTS"}
        assert ["${{ env.BASE }}"] * 2 == [arguments[f"{name}_IMAGE"] for name in ("BUILD", "BASE")]
        assert f"--output {each['outputs']} " in by_hand


def test_no_network_dependent_verdict_is_a_part_of_ci() -> None:
    assert not any("make audit" in each for name in ("ci.yml", "release.yml") for each in commands(name))
    assert "make audit" in set(commands("audit.yml"))
    assert "audit" not in " ".join(re.findall(r"^(?:test|check|test-fast):.*$", page("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", TEXTS)
def test_every_make_target_of_a_workflow_exists(name: str) -> None:
    named = {target for each in commands(name) for target in re.findall(r"^make ([a-z-]+)", each, re.MULTILINE)}
    assert set() == named - set(re.findall(r"^([a-z][a-z-]*):", page("Makefile"), re.MULTILINE))


def test_latest_is_moved_only_when_everything_else_of_the_release_is_done() -> None:
    steps = jobs("release.yml")["publish"]["steps"]
    latest = [number for number, step in enumerate(steps) if ":latest" in str(step)]
    assert [len(steps) - 1] == latest
    assert "LATEST" not in TEXTS["release.yml"]


def test_the_linter_of_workflows_would_find_a_loose_pin_and_an_injection(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / ".github", tmp_path / ".github"))
    ci = folder / "workflows" / "ci.yml"
    assert 0 == run("zizmor", "--offline", "--quiet", "--no-progress", str(folder)).returncode
    ci.write_text(re.sub(r"(actions/checkout)@[0-9a-f]{40} # v[\d.]+", r"\1@main", TEXTS["ci.yml"]))
    assert "unpinned-uses" in run("zizmor", "--offline", "--no-progress", str(folder)).stdout
    ci.write_text(TEXTS["ci.yml"].replace("make check", "make check ${{ github.event.pull_request.title }}"))
    assert "template-injection" in run("zizmor", "--offline", "--no-progress", str(folder)).stdout


def test_the_schema_of_workflows_would_find_a_misspelt_key(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text(TEXTS["ci.yml"].replace("runs-on:", "run-on:"))
    assert 0 != run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(broken)).returncode
