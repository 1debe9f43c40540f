"""What has been written is brought to the disk, so that a power cut cannot take it back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def sync(path: Path) -> None:
    """Have the system write a file or, where it can, a directory to the disk."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft to be written, which takes the place of a file when the block ends: that is whole, or as it was.

    The draft lies beside the file as ``.*.NAME.part`` and is not there yet. It is brought to the disk before it gets
    its name; an error in the block leaves nothing of it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    draft = path.with_name(f".{uuid4().hex}.{path.name}.part")
    try:
        yield draft
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
