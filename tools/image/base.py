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
_NOT_TO_RUN = ("dpkg", "tar", "mawk", "libacl1", "libmd0", "libpcre2-8-0", "libselinux1", "libzstd1")
"""What comes along because dpkg wants it for itself; nothing in the image is linked with it."""
_RECORD = "var/lib/dpkg/status.d"
"""Where scanners look for the packages of an image without dpkg: a file for each."""
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
_LEFT_OUT = re.compile(
    # The runtime's business, and names of the machine that this runs on.
    r"^(dev/.|proc/.|sys/.|boot|home|media|mnt|srv|opt|etc/(hostname|resolv\.conf)$"
    # Programs: all but the interpreter. That leaves no shell, and nothing setuid.
    r"|bin/.|sbin/.|usr/sbin/.|usr/bin/(?!python3\.11$)."
    # What the package tools want, and what people read. Licences stay.
    r"|etc/(apt|cron|default|dpkg|fstab|kernel|logrotate|update-motd|alternatives|issue|perl|profile|skel|systemd)"
    r"|etc/rmt|lib/systemd|usr/(games|include|src)|usr/lib/(binfmt|mime|systemd|sysusers|tmpfiles)"
    r"|usr/lib/[^/]+-linux-gnu/gconv|usr/libexec|usr/local/."
    r"|usr/share/(?!doc(/|$))."
    r"|usr/share/doc/[^/]+/(?!copyright$)."
    rf"|var/(backups|local|mail|opt|spool)|var/(cache|log)/.|var/lib/(?!dpkg$|{_RECORD.removeprefix('var/lib/')}))"
)
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
}
_LINKS = {"usr/bin/python3": "python3.11", "usr/lib/ssl/cert.pem": f"/{_AUTHORITIES}"}


def stays(name: str) -> bool:
    """Return whether a path of the whole file system, such as usr/bin/python3.11, is in the base image."""
    return name != "." and not _LEFT_OUT.match(name)


def key() -> str:
    """Return what the base images depend on, beside what Debian has at the time that they are made."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def make(folder: Path, when: int) -> None:
    """Write build.tar and run.tar into `folder`: the root file systems of the two images."""
    to_build = folder / "build.tar"
    _debian("minbase", _TO_BUILD, to_build, when)
    added = {name: text.encode() for name, text in _ACCOUNTS.items()} | _authorities(to_build)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole, hook = Path(scratch) / "whole.tar", Path(scratch) / "hook"
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        _debian("extract", _TO_RUN, whole, when, f"--extract-hook={hook}")
        _reduce(whole, folder / "run.tar", added, when)


_HOOK = f"""#!/bin/sh
set -eu
cd "$1/var/cache/apt/archives"
for name in {" ".join(_NOT_TO_RUN)}; do rm "$name"_*.deb; done
mkdir -p "$1/{_RECORD}"
for deb in *.deb; do dpkg-deb --field "$deb" > "$1/{_RECORD}/$(dpkg-deb --field "$deb" Package)"; done
"""


def _debian(variant: str, packages: tuple[str, ...], to: Path, when: int, *more: str) -> None:
    command = ["mmdebstrap", "--quiet", "--mode=root", f"--variant={variant}", f"--include={','.join(packages)}", *more]
    run([*command, SUITE, str(to)], environment={"SOURCE_DATE_EPOCH": str(when), "TMPDIR": str(to.parent)})


def _authorities(to_build: Path) -> dict[str, bytes]:
    """The certificate authorities as their package's own script puts them together, and the record of that package."""
    with tarfile.open(to_build) as archive:
        bundle, status = (archive.extractfile(f"./{name}") for name in (_AUTHORITIES, "var/lib/dpkg/status"))
        if bundle is None or status is None:
            raise ValueError(f"{to_build}: {_AUTHORITIES} or dpkg's status is not a file")
        stanzas = status.read().decode().split("\n\n")
        [record] = [each for each in stanzas if each.startswith("Package: ca-certificates\n")]
        return {_AUTHORITIES: bundle.read(), f"{_RECORD}/ca-certificates": f"{record}\n".encode()}


def _reduce(whole: Path, to: Path, added: dict[str, bytes], when: int) -> None:
    """Without what nothing at run time asks for, and with `added`."""
    with tarfile.open(whole) as source, tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as target:
        for member in source:
            name = os.path.normpath(member.name)
            if stays(name) and name not in added:
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
        for entry, content in _more(added, when):
            target.addfile(entry, io.BytesIO(content))


def _more(added: dict[str, bytes], when: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for name, content in sorted(added.items()):
        entry = tarfile.TarInfo(f"./{name}")
        entry.size, entry.mode, entry.mtime = len(content), 0o644, when
        yield entry, content
    for name, aim in _LINKS.items():
        entry = tarfile.TarInfo(f"./{name}")
        entry.type, entry.linkname, entry.mtime = tarfile.SYMTYPE, aim, when
        yield entry, b""
