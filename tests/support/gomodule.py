"""Files of somebody else's Go module, at the version that a module of tools/go pins and with the sums that it has."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from devcluster.binaries import GoModule
from devcluster.build import check_toolchain

PROMETHEUS_OPERATOR = GoModule("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")


def unpacked(module: GoModule) -> Path:
    """Where its files are, in Go's own cache; nothing of it is built."""
    check_toolchain(module)
    command = [shutil.which("go") or "go", "mod", "download", "-json", f"{module.requirement}@{module.version}"]
    done = subprocess.run(  # noqa: S603 - the Go on the person's PATH
        command,
        cwd=module.folder,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])
