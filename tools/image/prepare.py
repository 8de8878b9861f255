"""Runs in the Dockerfile's build stages: takes out what is for developers, compiles, and makes it the same every time.

It is given the folder that goes into the image, and the time that every file of it is to have.
"""

import compileall
import os
import re
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

_FOR_DEVELOPERS = ("tests", "test")
_NOT_COMPILED = re.compile(r"/kubernetes/(aio/)?client/(models|api)/")
"""A model and a class for each kind of Kubernetes: imported when they are asked for, and nothing here asks."""


def prepare(folder: Path, when: int) -> None:
    """Prune and compile `folder`; then nothing of it is writable for others, and all of it is of the time `when`."""
    _prune(folder)
    # Unchecked: the files of an image do not change, and their times, which would be compared, differ by who builds.
    done = compileall.compile_dir(
        folder, quiet=1, rx=_NOT_COMPILED, maxlevels=100, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    if not done:
        raise SystemExit(f"{folder} does not compile")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or (path.stat().st_mode & 0o100) else 0o644)
        os.utime(path, (when, when))


def _prune(folder: Path) -> None:
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for name in _FOR_DEVELOPERS:
        for path in sorted(folder.rglob(name)):
            if path.is_dir():
                shutil.rmtree(path)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]))
