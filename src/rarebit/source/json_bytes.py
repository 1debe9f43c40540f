"""Bytes of JSON by name, what each byte is inside a string, and eight bytes at once."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numba.core.cgutils import ir
from numba.extending import intrinsic
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

WORD: Final = 8
"""Bytes looked at or copied at once."""
_LONG: Final = ir.IntType(64)
_ONES: Final = 0x0101010101010101
_HIGHS: Final = 0x8080808080808080


def _word_at(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:  # noqa: ANN401 - Numba's builder
    """Pointer to eight bytes of an array that begin anywhere."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _LONG.as_pointer())


@intrinsic
def plain_bytes(context: Any, data: Any, at: Any) -> Any:  # noqa: ANN401, ARG001 - a signature and a builder of Numba's
    """How many of the eight bytes from ``at`` on, which must be there, are ordinary in a string before one is not.

    The zero-byte test of Mycroft, once for each kind of byte that is not: quote, backslash, control, above 127. A
    borrow can only touch bytes after the first that is found.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
        word = builder.load(_word_at(context, builder, signature.args[0], *given))
        word.align = 1
        ones = ir.Constant(_LONG, _ONES)
        found = word
        for byte in (QUOTE, BACKSLASH):
            mixed = builder.xor(word, ir.Constant(_LONG, byte * _ONES))
            found = builder.or_(found, builder.and_(builder.sub(mixed, ones), builder.not_(mixed)))
        control = builder.sub(word, ir.Constant(_LONG, 32 * _ONES))
        found = builder.or_(found, builder.and_(control, builder.not_(word)))
        marks = builder.and_(found, ir.Constant(_LONG, _HIGHS))
        zeros = builder.cttz(marks, ir.Constant(ir.IntType(1), 0))
        return builder.lshr(zeros, ir.Constant(_LONG, 3))

    return numba.types.int64(data, numba.types.intp), build


@intrinsic
def copy_word(context: Any, data: Any, at: Any, out: Any, to: Any) -> Any:  # noqa: ANN401, ARG001
    """Copy the eight bytes from ``at`` on, which must be there, to ``to`` on, where there must be room."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
        word = builder.load(_word_at(context, builder, signature.args[0], given[0], given[1]))
        word.align = 1
        stored = builder.store(word, _word_at(context, builder, signature.args[2], given[2], given[3]))
        stored.align = 1
        return context.get_dummy_value()

    return numba.types.void(data, numba.types.intp, out, numba.types.intp), build
