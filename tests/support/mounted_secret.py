"""A Secret volume on a local folder, changed in the steps in which the kubelet's atomic writer does it.

A new timestamped folder is filled, `..data` is swapped to it by renaming a symbolic link, the links that a pod sees are
added, and the old folder is removed (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go).
"""

import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

API_KEY = "madeupkey0000001"
FIRST = "madeuptokenfirst0000000000000001"
SECOND = "madeuptokensecond000000000000002"
EXPIRES_AT = "2026-03-03T06:00:00+05:30"


def contents(access_token: str = FIRST, **others: str) -> dict[str, str]:
    """The keys and values of a derived Secret, made up."""
    made = {"api_key": API_KEY, "access_token": access_token, "user_id": "AB1234", "expires_at": EXPIRES_AT}
    return {**made, **others}


@dataclass(slots=True)
class MountedSecret:
    """The folder of one volume; `publish` is a whole update, and the methods that it calls are its steps."""

    folder: Path
    _numbers: "count[int]" = field(default_factory=count)

    def publish(self, values: dict[str, str]) -> None:
        """What the kubelet does when the Secret has changed."""
        old = self.current()
        self.swap(self.write(values))
        self.link(values)
        if old is not None:
            self.remove(old)

    def current(self) -> Path | None:
        """The folder that `..data` links to."""
        link = self.folder / "..data"
        return self.folder / link.readlink() if link.is_symlink() else None

    def write(self, values: dict[str, str]) -> Path:
        """A new folder that nothing links to yet."""
        made = self.folder / f"..2026_03_02_07_35_00.{next(self._numbers):010}"
        made.mkdir(parents=True)
        for key, value in values.items():
            (made / key).write_text(value)
        return made

    def swap(self, generation: Path) -> None:
        """From here on it is the current one."""
        coming = self.folder / "..data_tmp"
        coming.symlink_to(generation.name)
        coming.rename(self.folder / "..data")

    def link(self, values: dict[str, str]) -> None:
        """The names that a pod sees: added for new keys, removed for those that are gone."""
        for seen in self.folder.iterdir():
            if not seen.name.startswith("..") and seen.name not in values:
                seen.unlink()
        for key in values:
            if not (self.folder / key).is_symlink():
                (self.folder / key).symlink_to(f"..data/{key}")

    def remove(self, generation: Path) -> None:
        """The old folder goes last."""
        shutil.rmtree(generation)
