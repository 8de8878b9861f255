"""promtool, Prometheus and Alertmanager, for the tests: those on the PATH, or Debian's, unpacked into the cache.

Unpacked, not installed: that needs no root, and starts no service on somebody's machine. `apt-get` keeps its lists in a
folder of ours for the same reason. Their signatures are checked as in any installation.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from devcluster.cache import cache_root

PROGRAMS = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
"""The Debian package of each."""
_NAMED = {"alertmanager": "prometheus-alertmanager"}
"""What Debian calls a program otherwise."""
_PATIENCE_SECONDS = 300


class ProgramMissing(Exception):
    """It is not there, and cannot be brought here."""


def found(name: str) -> Path:
    """Where the program is; it is fetched when it is nowhere."""
    for each in (name, _NAMED.get(name, name)):
        present = shutil.which(each)
        if present is not None:
            return Path(present)
    unpacked = _folder() / "usr" / "bin" / _NAMED.get(name, name)
    if not unpacked.exists():
        _fetch()
    return unpacked


def command(name: str) -> list[str]:
    """The beginning of the command line that starts the program.

    Debian's Alertmanager insists on a template under /usr/share, where it would be if it were installed: what is
    unpacked is started in a mount namespace of its own, in which it is there.
    """
    path = found(name)
    shared = path.parents[1] / "share" / "prometheus"
    if name != "alertmanager" or not path.is_relative_to(_folder()):
        return [str(path)]
    if shutil.which("unshare") is None:
        raise ProgramMissing("without `unshare` (util-linux) Alertmanager must be installed: prometheus-alertmanager")
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _IN_PLACE, str(shared), str(path)]


_IN_PLACE = 'mount -t tmpfs none /usr/share && cp -r "$0" /usr/share/ && exec "$@"'


def _folder() -> Path:
    return cache_root(os.environ) / "tools" / "prometheus-debian"


def _fetch() -> None:
    packages = sorted(set(PROGRAMS.values()))
    missing = [each for each in ("apt-get", "dpkg-deb") if shutil.which(each) is None]
    if missing:
        raise ProgramMissing(
            f"{', '.join(PROGRAMS)} are not on the PATH, and without {' and '.join(missing)} they cannot be taken from "
            "Debian: install Prometheus (2.42 or later, with promtool) and Alertmanager (0.25 or later) yourself"
        )
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return  # somebody else was quicker
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="prometheus-") as scratch:
            _unpack(packages, Path(scratch))
            (Path(scratch) / "root").rename(folder)


def _unpack(packages: list[str], scratch: Path) -> None:
    lists, cache = scratch / "lists", scratch / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    apt = ["apt-get", "--quiet=2", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]
    _run([*apt, "update"], scratch)
    _run([*apt, "download", *packages], scratch)
    for package in scratch.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(package), str(scratch / "root")], scratch)


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
    )
    if done.returncode:
        raise ProgramMissing(
            f"`{' '.join(command[:2])}` could not bring {', '.join(sorted(set(PROGRAMS.values())))}: "
            f"{done.stderr.strip()[-500:]}. Install Prometheus and Alertmanager yourself"
        )
