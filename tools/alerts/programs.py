"""promtool, Prometheus and Alertmanager, for the tests: those on the PATH, or Debian's, unpacked into the cache."""

import os
import shutil
from pathlib import Path

from devcluster import debian
from devcluster.cache import cache_root
from devcluster.errors import PackageError

PROGRAMS = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
"""The Debian package of each."""
_NAMED = {"alertmanager": "prometheus-alertmanager"}
"""What Debian calls a program otherwise."""


class ProgramMissing(Exception):
    """It is not there, and cannot be brought here."""


def found(name: str) -> Path:
    """Return where the program is; it is fetched when it is nowhere."""
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
    try:
        debian.unpack(sorted(set(PROGRAMS.values())), _folder())
    except PackageError as error:
        raise ProgramMissing(
            f"{', '.join(PROGRAMS)} are not on the PATH, and {error}: "
            "install Prometheus (2.42 or later, with promtool) and Alertmanager (0.25 or later) yourself"
        ) from error
