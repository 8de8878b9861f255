"""The base images, from Debian's packages: one to build with, and one to run on, in which there is no shell.

Both are what a person takes from a registry: the first stands for python:3.11-slim-bookworm, the second for a base of
the distroless kind. Their packages are unpacked as they are; apt checks the signatures.
"""

import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from image.programs import run

SUITE = "bookworm"
_TO_BUILD = ("python3", "python3-pip", "ca-certificates")
_TO_RUN = ("base-files", "python3.11", "libstdc++6", "netbase")
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
_LEFT_OUT = re.compile(
    # Device nodes are the runtime's business.
    r"^(dev/.|proc/.|sys/.|boot|media|mnt|srv|opt"
    # Programs: all but the interpreter. That leaves no shell, and nothing setuid.
    r"|bin/.|sbin/.|usr/sbin/.|usr/bin/(?!python3\.11$)."
    # What the package tools want, and what people read. Licences stay.
    r"|etc/(apt|cron|default|dpkg|kernel|logrotate|update-motd|alternatives|ca-certificates|perl|skel)"
    r"|usr/lib/(dpkg|mime|tmpfiles|x86_64-linux-gnu/(gconv|perl)|aarch64-linux-gnu/(gconv|perl))|usr/libexec|usr/local/."
    r"|usr/share/(?!doc/|ca-certificates|zoneinfo|base-files)."
    r"|usr/share/doc/[^/]+/(?!copyright$)."
    r"|var/(cache|lib|log|backups|local|mail|opt|spool)/.)"
)
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
}


def key() -> str:
    """What the base images depend on, beside what Debian has at the time that they are made."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def make(folder: Path, when: int) -> None:
    """Write build.tar and run.tar into `folder`: the root file systems of the two images."""
    to_build = folder / "build.tar"
    _debian("minbase", _TO_BUILD, to_build, when)
    with tarfile.open(to_build) as archive:
        authorities = archive.extractfile(f"./{_AUTHORITIES}")
        if authorities is None:
            raise ValueError(f"{to_build}: {_AUTHORITIES} is not a file")
        added = {_AUTHORITIES: authorities.read()} | {name: text.encode() for name, text in _ACCOUNTS.items()}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole = Path(scratch) / "whole.tar"
        _debian("extract", _TO_RUN, whole, when)
        _reduce(whole, folder / "run.tar", added, when)


def _debian(variant: str, packages: tuple[str, ...], to: Path, when: int) -> None:
    command = ["mmdebstrap", "--quiet", "--mode=root", f"--variant={variant}", f"--include={','.join(packages)}"]
    run([*command, SUITE, str(to)], environment={"SOURCE_DATE_EPOCH": str(when), "TMPDIR": str(to.parent)})


def _reduce(whole: Path, to: Path, added: dict[str, bytes], when: int) -> None:
    """Without what nothing at run time asks for, and with `added`."""
    with tarfile.open(whole) as source, tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as target:
        for member in source:
            name = os.path.normpath(member.name)
            if name != "." and not _LEFT_OUT.match(name) and name not in added:
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
        for entry, content in _more(added, when):
            target.addfile(entry, io.BytesIO(content))


def _more(added: dict[str, bytes], when: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for name, content in sorted(added.items()):
        entry = tarfile.TarInfo(f"./{name}")
        entry.size, entry.mode, entry.mtime = len(content), 0o644, when
        yield entry, content
    link = tarfile.TarInfo("./usr/bin/python3")
    link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "python3.11", when
    yield link, b""
