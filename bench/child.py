"""One case in a process of its own: ``python -m bench.child MODULE:FUNCTION ARGUMENTS`` prints its figures."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path

_STARTED = time.perf_counter()


def main() -> None:
    """Run the case named on the command line."""
    module, function = sys.argv[1].split(":")
    case = getattr(importlib.import_module(f"bench.{module}"), function)
    imports = time.perf_counter() - _STARTED
    made = case(json.loads(sys.argv[2]))
    made["import_seconds"] = imports + made.get("import_seconds", 0.0)
    made["peak_mb"] = round(_peak_bytes() / 1e6)
    print(json.dumps(made))


def _peak_bytes() -> int:
    """The most memory this process held; ``ru_maxrss`` alone would count that of the process it came from."""
    status = Path("/proc/self/status")
    if status.exists():
        held = [line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM")]
        return int(held[0].split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
