"""Loaded by the interpreter of an operator's pod: the image is as it is, and its one clock is the tests' movable one.

The time is what /tmp/offset says, which the tests write on the node. A pod that starts later begins with what the
ConfigMap in /clock says.
"""

from pathlib import Path

import kite_operator.clock
from support.movable import MovableClock

OFFSET = Path("/tmp/offset")  # noqa: S108 - the pod's own emptyDir

if not OFFSET.exists():
    OFFSET.write_text(Path("/clock/offset").read_text())
kite_operator.clock.SystemClock = lambda: MovableClock(OFFSET)  # type: ignore[assignment,misc]  # called, never subclassed
