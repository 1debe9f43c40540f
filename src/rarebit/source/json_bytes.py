"""Bytes of JSON by name, and what each byte is inside a string."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

QUOTE: Final = 34
BACKSLASH: Final = 92
COMMA: Final = 44
COLON: Final = 58
OPEN_OBJECT: Final = 123
CLOSE_OBJECT: Final = 125
OPEN_LIST: Final = 91
CLOSE_LIST: Final = 93
NEWLINE: Final = 10
DOT: Final = 46
MINUS: Final = 45
ZERO: Final = 48
NINE: Final = 57
LOWER_N: Final = 110
"""First letter of ``null``."""
BLANKS: Final = (32, 9, 13)
"""Space, tab, carriage return."""

PLAIN: Final = 0
ENDS: Final = 1
ESCAPES: Final = 2
FOREIGN: Final = 3
CONTROLS: Final = 4
"""Classes of bytes inside a string: ordinary, the quote, the backslash, above 127, control characters."""


def _byte_classes() -> NDArray[np.uint8]:
    classes = np.full(256, PLAIN, np.uint8)
    classes[:32] = CONTROLS
    classes[QUOTE], classes[BACKSLASH] = ENDS, ESCAPES
    classes[128:] = FOREIGN
    return classes


BYTE_CLASSES: Final = _byte_classes()
"""uint8[256]: the class of every byte."""
