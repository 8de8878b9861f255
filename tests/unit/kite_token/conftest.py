"""A mounted derived Secret with its first token."""

from pathlib import Path

import pytest

from support.mounted_secret import MountedSecret, contents


@pytest.fixture
def secret(tmp_path: Path) -> MountedSecret:
    mounted = MountedSecret(tmp_path / "kite")
    mounted.publish(contents())
    return mounted
