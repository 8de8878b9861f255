"""What is in the images, and what is not: told by the archives themselves."""

import re
import stat
import struct
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from image import Image
from image.inputs import ROOT, source, version
from supply_chain.contents import bill_of_archive
from supply_chain.lock import read_lock
from support.helm import CHART

HEADER = struct.Struct("<4sI")
UNCHECKED_HASH = 0b01


@pytest.fixture(params=["operator", "sandbox"])
def built(request: pytest.FixtureRequest) -> Image:
    return request.getfixturevalue(f"{request.param}_image")  # type: ignore[no-any-return]  # what pytest says it is


def members(built: Image, *, of_the_base: bool = True) -> Iterator[tarfile.TarInfo]:
    for number, layer in enumerate(built.layers()):
        if number or of_the_base:
            yield from layer


def names(built: Image) -> set[str]:
    return {f"/{each.name.removeprefix('./').rstrip('/')}" for each in members(built)}


def package_of(built: Image) -> str:
    return f"kite_{built.target}"


# What a runtime is told


def test_its_name_is_the_one_that_the_chart_has_by_default(built: Image) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    wanted = {"operator": values["image"], "sandbox": values["sandbox"]["image"]}[built.target]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert ("", "") == (wanted["tag"], wanted["digest"])
    assert f"docker.io/library/{wanted['repository']}:{chart['appVersion']}" == built.reference


def test_it_runs_as_a_user_whose_number_kubernetes_can_see(built: Image) -> None:
    assert "65532:65532" == built.configuration()["config"]["User"]


def test_it_starts_python_without_a_shell(built: Image) -> None:
    config = built.configuration()["config"]
    assert ["python3", "-m", package_of(built)] == config["Entrypoint"]
    assert config["Cmd"]
    assert "Healthcheck" not in config


def test_its_labels_say_what_it_is_and_where_it_comes_from(built: Image) -> None:
    labels = built.configuration()["config"]["Labels"]
    assert built.target.repository == labels["org.opencontainers.image.title"]
    assert version() == labels["org.opencontainers.image.version"]
    assert source().revision == labels["org.opencontainers.image.revision"]
    assert "Apache-2.0" == labels["org.opencontainers.image.licenses"]
    assert re.fullmatch("localhost/kite-operator-run:[0-9a-f]{12}", labels["org.opencontainers.image.base.name"])
    assert {"title", "version", "revision", "source", "base.name", "licenses", "vendor", "description"} == {
        each.removeprefix("org.opencontainers.image.") for each in labels
    }


def test_its_environment_holds_nothing_but_how_python_is_to_run(built: Image) -> None:
    given = dict(each.split("=", 1) for each in built.configuration()["config"]["Env"])
    assert {"PATH", "LANG", *(each for each in given if each.startswith("PYTHON"))} == set(given)


# What is in it


def test_what_is_added_to_the_base_are_packages_and_our_own_code(built: Image) -> None:
    places = {"/".join(each.name.split("/")[:3]) for each in members(built, of_the_base=False) if each.isfile()}
    of_packages = {each for each in places if each.startswith("app/packages/")}
    assert {f"app/operator/{package_of(built)}"} == places - of_packages


def test_our_own_code_is_that_of_the_checkout(built: Image, unpacked: Callable[[Image], Path]) -> None:
    inside, here = unpacked(built) / "app" / "operator", ROOT / "operator"
    listed = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "-C", str(here), "ls-files", "-co", "--exclude-standard", package_of(built)],  # noqa: S607 - of the PATH
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = {each: (here / each).read_bytes() for each in listed.stdout.split() if (here / each).exists()}
    found = {path for path in inside.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert wanted == {str(path.relative_to(inside)): path.read_bytes() for path in found}


@pytest.mark.parametrize(("fixture", "lock"), [("operator_image", "operator.txt"), ("sandbox_image", "sandbox.txt")])
def test_what_is_installed_is_what_is_locked(
    request: pytest.FixtureRequest, unpacked: Callable[[Image], Path], fixture: str, lock: str
) -> None:
    packages = unpacked(request.getfixturevalue(fixture)) / "app" / "packages"
    locked = read_lock(ROOT / "requirements" / lock)
    installed = {canonicalize_name(each.name): each.version for each in distributions(path=[str(packages)])}
    assert {each.name: each.version for each in locked if each.is_for_the_image()} == installed


def test_a_bill_of_materials_can_be_written_from_it(built: Image) -> None:
    lock = ROOT / "requirements" / f"{built.target}.txt"
    bill = bill_of_archive(built.target.repository, lock, built.archive)
    wanted = ("deb/debian/libssl3", "deb/debian/ca-certificates", "deb/debian/python3.11-minimal", "pypi/aiohttp")
    assert [] == [each for each in wanted if f"pkg:{each}@" not in bill]


def test_byte_code_is_there_and_is_taken_without_looking_at_times(
    built: Image, unpacked: Callable[[Image], Path]
) -> None:
    folder = unpacked(built) / "app" / "operator"
    sources = set(folder.rglob("*.py"))
    compiled = {path.parents[1] / f"{path.name.partition('.')[0]}.py": path for path in folder.rglob("*.pyc")}
    assert sources == set(compiled)
    flags = {HEADER.unpack(path.read_bytes()[: HEADER.size])[1] for path in compiled.values()}
    assert {UNCHECKED_HASH} == flags


# What is not in it


def test_there_is_no_shell_and_no_package_manager(built: Image) -> None:
    programs = {each.rpartition("/")[2] for each in names(built) if re.search(r"/s?bin/[^/]+$", each)}
    assert {"python3", "python3.11"} == programs


def test_nothing_gives_its_user_more_than_it_has(built: Image) -> None:
    assert [] == [each.name for each in members(built) if each.mode & (stat.S_ISUID | stat.S_ISGID)]
    assert [] == [each.name for each in members(built) if each.ischr() or each.isblk()]
    assert [] == [each.name for each in members(built) if each.pax_headers.get("SCHILY.xattr.security.capability")]


def test_nothing_that_is_added_is_writable_for_its_user(built: Image) -> None:
    added = [each for each in members(built, of_the_base=False) if not each.issym()]
    assert [] == [each.name for each in added if each.mode & (stat.S_IWGRP | stat.S_IWOTH)]
    assert {(0, 0)} == {(each.uid, each.gid) for each in added}


def test_there_are_no_tests_no_history_and_nothing_of_the_build(built: Image) -> None:
    unwanted = re.compile(r"/(tests?|\.git|pip|pip\.conf|requirements|\.cache|prepare\.py|run/secrets)(/|$)")
    assert [] == sorted(each for each in names(built) if each.startswith("/app/") and unwanted.search(each))
    assert [] == sorted(each for each in names(built) if re.match(r"/(run/secrets|requirements|prepare|root/.)", each))


def test_no_name_of_the_machine_that_built_it_is_left(built: Image) -> None:
    assert set() == names(built) & {"/etc/hostname", "/etc/resolv.conf", "/etc/machine-id"}
    history = str(built.configuration()["history"])
    assert [] == [each for each in (str(ROOT), str(Path.home()), "index-url") if each in history]
