"""What an image is made of: its key, the base's file system, and what the build is told of the machine."""

import re
import tomllib
from pathlib import Path

import pytest

from image import Target, inputs
from image.base import stays
from image.building import pip_conf
from kite_operator import __version__


def test_the_version_is_the_operator_s() -> None:
    assert __version__ == inputs.version()


def test_the_inputs_are_what_the_dockerfile_takes_from_the_checkout() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+)", (inputs.ROOT / "Dockerfile").read_text(), re.MULTILINE)
    found = [str(path.relative_to(inputs.ROOT)) for path in inputs.files()]
    assert {"operator/kite_operator/", "operator/kite_sandbox/", "requirements/", "tools/image/prepare.py"} == set(
        copied
    )
    assert [] == [each for each in copied if not any(path.startswith(each) for path in found)]
    outside = {"Dockerfile", ".dockerignore"}
    assert [] == [each for each in found if not each.startswith(tuple(copied)) and each not in outside]
    assert "requirements/dev.txt" not in found


def test_the_sandbox_takes_no_package_that_it_does_not_ask_for() -> None:
    extras = tomllib.loads((inputs.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert ["aiohttp", "pyotp"] == [re.split(r"[><=]", each)[0] for each in extras["sandbox"]]
    locked = (inputs.ROOT / "requirements" / "sandbox.txt").read_text()
    assert "kiteconnect" not in locked


def test_another_content_another_target_or_another_argument_is_another_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "code.py"
    source.write_text("1")
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    monkeypatch.setattr(inputs, "files", lambda: [source])
    first = inputs.key(Target.OPERATOR, ["a"])
    assert first == inputs.key(Target.OPERATOR, ["a"])
    source.write_text("2")
    others = {inputs.key(Target.OPERATOR, ["a"]), inputs.key(Target.SANDBOX, ["a"]), inputs.key(Target.OPERATOR, ["b"])}
    assert 3 == len(others - {first})


def test_without_git_the_revision_is_unknown_and_the_time_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    assert inputs.Source("unknown", inputs.LONG_AGO) == inputs.source()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert inputs.Source("unknown", inputs.LONG_AGO) == inputs.source()


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/python3.11",
        "usr/lib/python3.11/ssl.py",
        "lib/x86_64-linux-gnu/libc.so.6",
        "lib64/ld-linux-x86-64.so.2",
        "usr/share/doc/libc6/copyright",
        "var/lib/dpkg/status.d/libc6",
        "etc/os-release",
        "tmp",
        "dev",
        "proc",
    ],
)
def test_the_base_keeps_what_a_process_needs_and_what_licences_and_scanners_ask_for(path: str) -> None:
    assert stays(path)


@pytest.mark.parametrize(
    "path",
    [
        "bin/dash",
        "sbin/ldconfig",
        "usr/bin/dpkg",
        "usr/bin/pydoc3.11",
        "usr/sbin/update-passwd",
        "dev/null",
        "etc/hostname",
        "etc/resolv.conf",
        "etc/apt/sources.list",
        "usr/share/locale/de",
        "usr/share/doc/libc6/changelog.gz",
        "var/lib/apt/lists",
        "var/local",
    ],
)
def test_the_base_has_no_programs_and_nothing_of_the_machine(path: str) -> None:
    assert not stays(path)


def test_the_build_is_told_where_packages_come_from_and_no_path_of_this_machine() -> None:
    listed = """global.cert='/etc/ssl/mine.crt'
:env:.find-links='/opt/wheels'
global.index-url='https://user:pass@pypi.example.com/simple'
:env:.extra-index-url='https://a.example.com\\nhttps://b.example.com'
:env:.default-timeout='180'
"""
    assert """[global]
index-url = https://user:pass@pypi.example.com/simple
extra-index-url = https://a.example.com https://b.example.com
default-timeout = 180
""" == pip_conf(listed)
