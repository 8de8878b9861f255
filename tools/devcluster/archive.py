"""The control plane's programs as a release archive, for machines that reach the internet: quicker than a build.

The archives are those that setup-envtest takes, from the releases of controller-tools. Which archive it is, and its
SHA-512, stand here and nowhere else: nothing that a server says is believed. Whatever goes wrong, the build from source
is the next way, so that every failure is one line and soon.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO
from urllib.parse import urlsplit

from devcluster.cache import exclusive, go_platform
from devcluster.progress import Progress

ARCHIVES_VARIABLE: Final = "KITE_DEVCLUSTER_ARCHIVES"
"""Where the archives are, or `off`."""
RELEASES: Final = "https://github.com/kubernetes-sigs/controller-tools/releases/download"
_CONTENTS: Final = ("etcd", "kube-apiserver", "kubectl")
_FOLDER_IN_ARCHIVE: Final = "controller-tools/envtest"
_SILENCE_SECONDS: Final = 5.0
"""How long a server may take to answer, and between two pieces of its answer."""
_LONGEST_SECONDS: Final = 240.0
"""About what the build takes: a line that is slower than that is of no use."""
_LARGEST: Final = 512 * 1024 * 1024
_PIECE: Final = 256 * 1024


class ArchiveError(Exception):
    """The archive could not be had; the message says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One release: its version, and the SHA-512 of its archive by processor, in hexadecimal."""

    version: str
    sha512: Mapping[str, str] = field(repr=False)
    largest: int = _LARGEST
    silence: float = _SILENCE_SECONDS
    longest: float = _LONGEST_SECONDS

    def name(self, target: tuple[str, str]) -> str:
        """The name of the archive's folder and, with a suffix, of its file."""
        return "-".join(["envtest", self.version, *target])


# From envtest-releases.yaml of controller-tools, the list by which setup-envtest verifies them too.
ENVTEST: Final = Archive(
    "v1.36.2",
    MappingProxyType(
        {
            "amd64": "ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dc"
            "f30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08",
            "arm64": "2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae2818"
            "1afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac",
        }
    ),
)


def unpacked_path(name: str, root: Path, archive: Archive = ENVTEST) -> Path | None:
    """Return where the program is, or will be, under the cache `root`; None when it is in no archive."""
    return root / "tools" / archive.name(go_platform()) / name if name in _CONTENTS else None


@dataclass(slots=True)
class Archives:
    """Brings the archive once; after a failure it is not tried again by this value."""

    environ: Mapping[str, str]
    root: Path
    stream: TextIO
    archive: Archive = ENVTEST
    _given_up: bool = field(init=False, default=False)

    def bring(self, name: str) -> Path | None:
        """The program from the archive; None when it is not in one, or could not be had, with a line that says why."""
        path, base = unpacked_path(name, self.root, self.archive), self.environ.get(ARCHIVES_VARIABLE) or RELEASES
        if path is None or base == "off" or self._given_up:
            return None
        try:
            self._bring(path.parent, base.rstrip("/"))
        except ArchiveError as error:
            self._given_up = True
            self.stream.write(f"No release archive: {error}. Building from source instead\n")
            return None
        return path

    def _bring(self, folder: Path, base: str) -> None:
        file = f"{self.archive.name(go_platform())}.tar.gz"
        url = f"{base}/envtest-{self.archive.version}/{file}"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ArchiveError(f"{ARCHIVES_VARIABLE} is neither an http(s) address nor `off`")
        folder.parent.mkdir(parents=True, exist_ok=True)
        task = "Waiting for another run that is downloading the control plane's programs"
        with exclusive(folder.parent / f".{folder.name}.lock", task, self.stream):
            if not folder.exists():
                self._download(url, parts.hostname or "", folder)

    def _download(self, url: str, host: str, folder: Path) -> None:
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed: with the lock held, it is nobody's
        partial.mkdir()
        progress = Progress(f"Downloading the control plane's programs {self.archive.version} from {host}", self.stream)
        progress.tick()
        try:
            file = partial / "archive"
            self._save(url, host, file, progress)
            (partial / "programs").mkdir()
            _unpack(file, partial / "programs")
            (partial / "programs").rename(folder)
            progress.done(f"Downloaded the control plane's programs {self.archive.version}, checksum verified")
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _save(self, url: str, host: str, file: Path, progress: Progress) -> None:
        """Write the archive to `file` when it is, byte for byte, the one that is expected."""
        digest, size, until = hashlib.sha512(), 0, time.monotonic() + self.archive.longest
        try:
            with urllib.request.urlopen(url, timeout=self.archive.silence) as answer, file.open("wb") as saved:  # noqa: S310 - http(s) only, checked by the caller
                while piece := answer.read1(_PIECE):  # what there is: a trickle is noticed
                    size += len(piece)
                    if size > self.archive.largest or time.monotonic() > until:
                        raise ArchiveError(f"{host} sends too much, or too slowly")
                    digest.update(piece)
                    saved.write(piece)
                    progress.tick()
        except urllib.error.HTTPError as error:
            raise ArchiveError(f"{host} answered {error.code}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ArchiveError(f"{host} cannot be reached, or broke off ({type(error).__name__})") from error
        if digest.hexdigest() != self.archive.sha512[go_platform()[1]]:
            raise ArchiveError(f"what {host} sent is not what was expected (another SHA-512), and was thrown away")


def _unpack(file: Path, folder: Path) -> None:
    """Take the programs out of the archive, by their exact names and into names of ours; nothing else is written."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            for name in _CONTENTS:
                member = archive.getmember(f"{_FOLDER_IN_ARCHIVE}/{name}")
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    raise ArchiveError(f"{name} in the archive is no file")
                with content, (folder / name).open("wb") as written:
                    shutil.copyfileobj(content, written)
                (folder / name).chmod(0o755)
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:
        raise ArchiveError(f"the archive cannot be unpacked ({type(error).__name__})") from error
