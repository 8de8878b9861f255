"""The bill of materials is CycloneDX, says what the lock says, and is the same each time."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from kite_operator import __version__
from supply_chain.bom import SCHEMA, Part, bill, moment
from supply_chain.contents import LOCKS, PACKAGES, ROOT, SITE, bill_of_archive, bill_of_image, bill_of_lock
from supply_chain.debian import debian_parts
from supply_chain.installed import OutOfStep

if TYPE_CHECKING:
    from cyclonedx.validation.json import JsonStrictValidator

NAMES = list(LOCKS)
STATUS = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2
Description: Secure Sockets Layer toolkit - shared libraries
 This package is part of it.

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1:1.0+b1
"""


def document(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(bill_of_lock(name, LOCKS[name]))
    return made


def locked(path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """The lock once more, read in another way than the tool reads it. pywin32 is for another system."""
    for entry in re.split(r"\n(?=\S)", path.read_text()):
        found = re.match(r"([a-z0-9-]+)==(\S+)", entry)
        if found and found[1] != "pywin32":
            yield found[1], found[2], frozenset(re.findall(r"sha256:([0-9a-f]{64})", entry))


def hashes(component: dict[str, Any]) -> frozenset[str]:
    references = component.get("externalReferences", [])
    return frozenset(each["content"] for reference in references for each in reference["hashes"])


def _locked_folders() -> list[Path]:
    names = {name for name, _, _ in locked(LOCKS["kite-operator"])}
    return [each for each in SITE.glob("*.dist-info") if canonicalize_name(each.name.split("-")[0]) in names]


def unpack(root: Path) -> Path:
    """An image's file system: the locked distributions in a folder of its own, and the base's pip and dpkg's record."""
    site = root / "app/packages"
    site.mkdir(parents=True)
    for each in _locked_folders():
        (site / each.name).symlink_to(each)
    (root / "usr/local/lib/python3.11/site-packages").mkdir(parents=True)
    (pip,) = SITE.glob("pip-[0-9]*.dist-info")
    (root / "usr/local/lib/python3.11/site-packages" / pip.name).symlink_to(pip)
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    return root


def vendor(root: Path) -> frozenset[str]:
    """As official images of Python have it: setuptools, with copies of locked ones, and packaging for wheel."""
    base = root / "usr/local/lib/python3.11/site-packages"
    for name, told in (("packaging", "24.2"), ("typing_extensions", "4.12.2")):
        folder = base / f"setuptools/_vendor/{name}-{told}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.3\nName: {name}\nVersion: {told}\n")
    (same,) = SITE.glob("packaging-[0-9]*.dist-info")
    (base / same.name).symlink_to(same)
    return frozenset({"pkg:pypi/packaging@24.2", "pkg:pypi/typing-extensions@4.12.2"})


def saved(root: Path, to: Path, more: str = "") -> Path:
    """The same as `docker save` writes it: layers in an archive, the second of which has newer packages of the base."""
    first, second = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=first, mode="w:gz", dereference=True) as layer:
        layer.add(root, arcname="./")
    with tarfile.open(fileobj=second, mode="w") as layer:
        _add(layer, "var/lib/dpkg/status", STATUS.replace("u2", "u3").encode())
        if more:
            _add(layer, more, b"Name: more")
    configuration = {"config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.11.99"]}}
    with tarfile.open(to, "w") as archive:
        _add(archive, "c.json", json.dumps(configuration).encode())
        _add(archive, "1.tar", first.getvalue())
        _add(archive, "2.tar", second.getvalue())
        _add(archive, "manifest.json", json.dumps([{"Config": "c.json", "Layers": ["1.tar", "2.tar"]}]).encode())
    return to


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def schema() -> "JsonStrictValidator":
    """CycloneDX's own, by a module that takes more than a second to import."""
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - only where it is needed

    return JsonStrictValidator(SCHEMA)


@pytest.mark.parametrize("name", NAMES)
def test_it_meets_the_schema_of_cyclonedx(name: str, schema: "JsonStrictValidator") -> None:
    assert None is schema.validate_str(bill_of_lock(name, LOCKS[name]))


def test_the_schema_would_refuse_another_document(schema: "JsonStrictValidator") -> None:
    text = bill(Part("pkg:generic/whole@1", licence="MIT"), []).replace('"application"', '"nonsense"')
    broken = text.replace('"library"', '"nonsense"')
    assert None is not schema.validate_str(broken)


@pytest.mark.parametrize("name", NAMES)
def test_names_versions_and_hashes_are_those_of_the_lock(name: str) -> None:
    components = document(name)["components"]
    assert set(locked(LOCKS[name])) == {(each["name"], each["version"], hashes(each)) for each in components}
    assert [f"pkg:pypi/{each['name']}@{each['version']}" for each in components] == [
        each["purl"] for each in components
    ]


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_a_licence_and_is_there_for_a_reason(name: str) -> None:
    made = document(name)
    needed = {need for each in made["dependencies"] for need in each.get("dependsOn", [])}
    assert [] == [each["name"] for each in made["components"] if not each["licenses"]]
    assert {each["purl"] for each in made["components"]} == needed


def test_the_whole_is_this_version_of_the_operator() -> None:
    subject = document("kite-operator")["metadata"]["component"]
    assert ("kite-operator", __version__, "application") == (subject["name"], subject["version"], subject["type"])


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_contents_give_the_same_bytes_in_every_process(seed: str) -> None:
    program = (
        "import sys; from supply_chain.contents import *;"
        "sys.stdout.write(bill_of_lock('kite-operator', LOCKS['kite-operator']))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Kolkata"}
    command = [sys.executable, "-c", program]
    again = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert bill_of_lock("kite-operator", LOCKS["kite-operator"]) == again.stdout


def test_other_contents_have_another_serial_number() -> None:
    def serial(purl: str) -> str:
        made: dict[str, str] = json.loads(bill(Part("pkg:generic/whole@1", needs=frozenset({purl})), [Part(purl)]))
        return made["serialNumber"]

    assert serial("pkg:pypi/part@1") == serial("pkg:pypi/part@1") != serial("pkg:pypi/part@2")


def test_it_has_no_time_unless_one_is_given() -> None:
    whole = Part("pkg:generic/whole@1")
    assert "timestamp" not in json.loads(bill(whole, []))["metadata"]
    dated = json.loads(bill(whole, [], moment("1700000000")))
    assert datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC) == datetime.fromisoformat(dated["metadata"]["timestamp"])
    assert moment(None) is moment("") is None


def test_the_locks_bill_has_no_packages_of_the_base() -> None:
    assert {"pkg:pypi"} == {each["purl"].split("/")[0] for each in document("kite-operator")["components"]}


def test_an_images_bill_has_its_base_too(tmp_path: Path, schema: "JsonStrictValidator") -> None:
    archive = saved(unpack(tmp_path / "root"), tmp_path / "image.tar")
    made = bill_of_archive("kite-operator", LOCKS["kite-operator"], archive)
    assert None is schema.validate_str(made)
    purls = {each["purl"] for each in json.loads(made)["components"]}
    ours = {each["purl"] for each in document("kite-operator")["components"]}
    pip = f"pkg:pypi/pip@{version('pip')}"
    base = {pip, "pkg:deb/debian/libssl3@3.0.17-1~deb12u3?arch=amd64&distro=debian-12", "pkg:generic/python@3.11.99"}
    assert base == purls - ours
    assert ours <= purls


def test_a_base_may_bring_some_of_what_is_locked_in_other_versions_and_in_the_same(
    tmp_path: Path, schema: "JsonStrictValidator"
) -> None:
    lock, root = LOCKS["kite-operator"], unpack(tmp_path / "with")
    before = json.loads(bill_of_image("kite-operator", lock, unpack(tmp_path / "without"), []))
    brought = vendor(root)
    made = bill_of_image("kite-operator", lock, root, [])
    assert None is schema.validate_str(made)
    after = json.loads(made)
    assert before["components"] == [each for each in after["components"] if each["purl"] not in brought]
    assert brought == {each["purl"] for each in after["components"]} - {each["purl"] for each in before["components"]}
    references = [each["ref"] for each in after["dependencies"]]
    assert sorted(set(references)) == sorted(references)


@pytest.mark.parametrize("name", ["../outside.dist-info/METADATA", "a/../../outside.dist-info/METADATA"])
def test_an_image_is_read_into_no_other_folder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpack(tmp_path / "root")
    archive = saved(root, tmp_path / "image.tar", name)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    bill_of_archive("kite-operator", LOCKS["kite-operator"], archive)
    assert [] == list((tmp_path / "scratch").iterdir())


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="compares with dpkg, on Debian")
def test_the_packages_of_a_real_debian_are_all_found() -> None:
    asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}@${Version}\n"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - dpkg
    wanted = sorted(line.removeprefix("installed ") for line in lines if line.startswith("installed "))
    found = [PackageURL.from_string(part.purl) for part in debian_parts(Path("/"))]
    assert wanted == sorted(f"{each.name}@{each.version}" for each in found)


def test_an_image_without_the_locked_distributions_has_no_bill(tmp_path: Path) -> None:
    with pytest.raises(OutOfStep, match="has no app/packages"):
        bill_of_image("kite-operator", LOCKS["kite-operator"], tmp_path, [])


def test_the_dockerfile_installs_where_the_bill_looks() -> None:
    text = (ROOT / "Dockerfile").read_text()
    images = text.count("pip install")
    assert images == text.count(f"--target /{PACKAGES} ") > 0
    assert images == len(re.findall(rf"(?m)^COPY --from=\S+ /{PACKAGES}/ /{PACKAGES}/$", text))


def test_an_image_with_more_than_is_locked_has_no_bill(tmp_path: Path) -> None:
    root = unpack(tmp_path)
    (extra,) = SITE.glob("pytest-[0-9]*.dist-info")
    (root / "app/packages" / extra.name).symlink_to(extra)
    with pytest.raises(OutOfStep, match="installed beside what is locked: pytest"):
        bill_of_image("kite-operator", LOCKS["kite-operator"], root, [])


def test_an_image_with_another_version_has_no_bill(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(re.sub(r"(?m)^aiohttp==\S+", "aiohttp==0.0.1", LOCKS["kite-operator"].read_text()))
    with pytest.raises(OutOfStep, match=r"aiohttp is locked as 0\.0\.1 and installed as \d"):
        bill_of_image("kite-operator", lock, unpack(tmp_path / "root"), [])
