"""NDJSON: one JSON object a line, read in blocks by several threads."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NoReturn

import numpy as np
import orjson
import pyarrow as pa

from rarebit.source.intake import Batches, Intake
from rarebit.source.json_cells import Block, join_rows
from rarebit.source.stream import ByteStream, LineBlock, Spare, line_blocks
from rarebit.source.tally import Tally

_BOM: Final = b"\xef\xbb\xbf"


def read_ndjson(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of an NDJSON file, in the order of its lines."""
    blocks = _numbered(stream, intake)
    workers = intake.settings.workers()
    if workers == 1:
        for task in blocks:
            yield from _merged(task(), intake)
        return
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[tuple[Batches, Tally]]] = deque()
        try:
            for task in blocks:
                pending.append(pool.submit(task))
                if len(pending) > workers:
                    yield from _merged(pending.popleft().result(), intake)
            while pending:
                yield from _merged(pending.popleft().result(), intake)
        finally:
            for future in pending:
                future.cancel()


def _merged(done: tuple[Batches, Tally], intake: Intake) -> Batches:
    batches, tally = done
    intake.tally.merge(tally)
    return batches


def _numbered(stream: ByteStream, intake: Intake) -> Iterator[Callable[[], tuple[Batches, Tally]]]:
    """One task for each block: its batches and its tally."""
    settings = intake.settings
    spare: Spare = deque()
    sizes = {"block_bytes": settings.block_bytes, "max_line_bytes": settings.max_line_bytes}
    for block in line_blocks(stream, **sizes, spare=spare):
        yield _block_task(_without_bom(block), intake, spare)


def _without_bom(block: LineBlock) -> LineBlock:
    if block.number == 1 and block.data[:3].tobytes() == _BOM:
        return block._replace(data=block.data[3:])
    return block


def _block_task(block: LineBlock, intake: Intake, spare: Spare) -> Callable[[], tuple[Batches, Tally]]:
    def task() -> tuple[Batches, Tally]:
        part = intake.part()
        if block.too_long:
            part.too_long(block)
            return [], part.tally
        read = read_by_line if part.settings.mapping else read_block
        batches = read(block, part)
        if isinstance(block.data.base, np.ndarray):  # batches are copies: nobody looks at the block any more
            spare.append(block.data.base)
        return batches, part.tally

    return task


def read_block(block: LineBlock, intake: Intake) -> Batches:
    """Events of a block of lines."""
    data, number = block.data, block.number
    batches: Batches = []
    while data.size:
        scanned = Block(data, intake.settings.max_line_bytes, number)
        batches += _events(scanned, intake)
        number += scanned.marks.line_count
        data = data[scanned.marks.consumed :]
    return batches


def read_by_line(block: LineBlock, intake: Intake) -> Batches:
    """The same as :func:`read_block`, every line the careful way."""
    batches: Batches = []
    for number, line in enumerate(block.lines(), block.number):
        add_line(line, number, intake)
        if intake.full():
            batches += intake.flush()
    return batches + intake.flush()


def _events(block: Block, intake: Intake) -> Batches:
    fast, columns = block.fast_columns()
    intake.tally.read += fast.size
    slow, kept = None, fast[:0]
    if block.slow.size:
        places = [add_line(block.raw(row), block.line_number(row), intake) for row in block.slow.tolist()]
        kept = block.slow[np.array(places, np.bool_)]
        slow = intake.take()
    cells = join_rows(block, fast, columns, slow, kept)
    return intake.events(cells) if cells.count else []


def add_line(line: bytes, number: int, intake: Intake) -> bool:
    """Parse one line into the intake; False if nothing was kept of it. Blank lines are passed over."""
    line = line.strip(b" \t\r\n")
    if number == 1:
        line = line.removeprefix(_BOM)
    if not line:
        return False
    where = f"line {number}"
    if len(line) > intake.settings.max_line_bytes:
        intake.tally.read += 1
        intake.tally.skip(f"line longer than {intake.settings.max_line_bytes} bytes", where, line)
        return False
    try:
        record = orjson.loads(line)
    except ValueError:
        record = parse_doubtful(line, where, intake)
        if record is None:
            return False
    return intake.add(record, line, where)


def parse_doubtful(raw: bytes, where: str, intake: Intake) -> object:
    """A second, lenient look at what a strict parser refused; None, and a tally, if it is not JSON.

    Bytes that are no UTF-8 inside a string, and lone surrogates, become the replacement character.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
        intake.tally.note("bytes that are not UTF-8 replaced in {} rows")
    try:
        return _replaced(json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        intake.tally.read += 1
        intake.tally.skip(_fault(raw, error), where, raw)
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _replaced(value: object) -> object:
    """The value with lone surrogates replaced, as a strict parser gives it."""
    return orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _fault(raw: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if b"\0" in raw:
        return "not JSON: holds NUL bytes"
    return "not JSON"
