"""Rarebit: a short, ranked, explained list of what is rare in a fleet's telemetry."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import platformdirs

__version__ = "0.1.0"


def _kernel_cache() -> str:
    """Directory of compiled loops for exactly these sources.

    Numba compiles a loop anew when its own file changes, but not when a loop it calls in another file does. So the
    state of all files that hold loops names the directory; those of other states are removed when it is made.
    """
    here = Path(__file__).parent
    files = sorted(path for room in ("maths", "model", "source") for path in (here / room).glob("*.py"))
    stamp = "".join(f"{path.name}{(at := path.stat()).st_mtime_ns}.{at.st_size};" for path in files)
    name = hashlib.blake2b(f"{here}{stamp}".encode(), digest_size=8).hexdigest()
    home = hashlib.blake2b(str(here).encode(), digest_size=4).hexdigest()
    root = Path(platformdirs.user_cache_dir("rarebit", appauthor=False)) / "kernels" / home
    if not (root / name).is_dir():
        shutil.rmtree(root, ignore_errors=True)
    return str(root / name)


os.environ.setdefault("NUMBA_CACHE_DIR", _kernel_cache())
