"""Record batches as nested ECS JSON, one object a line, put together column by column."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LISTS: Final = ("event.category", "event.type")
"""Fields that most sensors send as arrays; the Windows event log sends plain strings."""


class Layout:
    """How a schema's dotted names nest.

    Parameters
    ----------
    schema : Schema
        Columns of the batches to come.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._tree: dict[str, Any] = {}
        for name in schema.names:
            *parents, leaf = name.split(".")
            at = self._tree
            for part in parents:
                at = at.setdefault(part, {})
            at[leaf] = name

    def lines(self, batch: pa.RecordBatch) -> pa.Array:
        """One JSON object with its line end for each row, as strings."""
        plain = pc.equal(batch.column("agent.type").cast(pa.string()), "winlogbeat")
        writer = _Writer(batch, np.asarray(plain.to_numpy(zero_copy_only=False), np.bool_))
        pieces = writer.object_pieces(self._tree, np.ones(batch.num_rows, np.bool_))
        return pc.binary_join_element_wise(*pieces, pa.scalar("\n"), "")


class _Writer:
    """Pieces of text whose rows, joined, are the JSON of a batch."""

    def __init__(self, batch: pa.RecordBatch, plain: NDArray[np.bool_]) -> None:
        self._batch = batch
        self._plain = plain

    def object_pieces(self, tree: dict[str, Any], present: NDArray[np.bool_]) -> list[pa.Array]:
        """Pieces of one object; rows where ``present`` is False give nothing."""
        pieces = [_choose(present, "", "{")]
        begun = np.zeros(present.size, np.bool_)
        for key, below in tree.items():
            inside = self._present(below)
            comma = inside & begun
            begun |= inside
            if isinstance(below, dict):
                pieces.append(_choose(inside.astype(np.int8) + comma, "", f'"{key}":', f',"{key}":'))
                pieces += self.object_pieces(below, inside)
            else:
                pieces += [_choose(inside.astype(np.int8) + comma, "", f'"{key}":', f',"{key}":'), self._value(below)]
        pieces.append(_choose(present, "", "}"))
        return pieces

    def _present(self, below: dict[str, Any] | str) -> NDArray[np.bool_]:
        if isinstance(below, dict):
            out = np.zeros(self._batch.num_rows, np.bool_)
            for part in below.values():
                out |= self._present(part)
            return out
        column = self._batch.column(below)
        if column.null_count == 0:
            return np.ones(self._batch.num_rows, np.bool_)
        return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)

    def _value(self, name: str) -> pa.Array:
        column = self._batch.column(name)
        kind = column.type
        if pa.types.is_dictionary(kind):
            words = quoted(column.dictionary)
            if name in _LISTS:
                listed = pc.binary_join_element_wise("[", pc.replace_substring(words, ",", '","'), "]", "")
                return pc.if_else(pa.array(self._plain), _spread(words, column), _spread(listed, column))
            return _spread(words, column)
        if pa.types.is_timestamp(kind):
            text = pc.replace_substring(column.cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
            return pc.binary_join_element_wise('"', text, 'Z"', "")
        if pa.types.is_string(kind):
            return pc.fill_null(quoted(column), "")
        return pc.fill_null(column.cast(pa.string()), "")


def quoted(words: pa.Array) -> pa.Array:
    """Strings as JSON; they hold no control characters."""
    escaped = pc.replace_substring(pc.replace_substring(words, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', escaped, '"', "")


def _spread(words: pa.Array, column: pa.DictionaryArray) -> pa.Array:
    """The word of each row; empty where it is null."""
    padded = pa.concat_arrays([words, pa.array([""])])
    return padded.take(pc.fill_null(column.indices, len(words)))


def _choose(which: NDArray[Any], *texts: str) -> pa.Array:
    return pa.array(texts).take(pa.array(which.astype(np.int8)))
