"""Part ``memory``: a year of first-seen memory: what it costs to keep, what it weighs, how quickly it answers."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.data import Data
from bench.measure import Case, Figures, Line, run, timed
from rarebit.core.time import DAY_US
from rarebit.lake import FirstSeen, Lake
from rarebit.lake.memory_files import Contents, Kept, MemoryFiles
from rarebit.lake.sighting_files import Segment, distinct, write
from rarebit.lake.sightings import Ints, Sightings, reduced
from rarebit.lake.traits import Trait, codes_of_text, is_domain

PAIRS = 900_000
"""Pairs of host and process of 4,500 hosts after two weeks of 50 million events; smaller sets are scaled to it."""
WEEKS = 51
INDICATORS = 1_000_000
LOOKUPS = 500
INTAKE_EVENTS = 1_500_000
_SMALL = 1_000_000
"""A set below this is not scaled up: it is there to try the part out."""
_HASHES = ("process.hash.sha256", "process.hash.md5", "process.hash.sha1", "process.pe.imphash", "file.hash.sha256")
_WHOLE = np.iinfo(np.int64)


def memory(data: Data, repeats: int) -> list[Line]:
    """Cost beside the intake of the same events; then a year made from what the set shows of growth."""
    del repeats  # look-ups repeat themselves
    files = [str(path) for path in sorted((data.files / "events").glob("*.parquet"))]
    cost = run(Case("cost", "memory:keep", {"files": files}))
    ratio = cost["memory_seconds"] / cost["seconds"]
    share = cost["cpu"] / cost["intake_cpu"]
    told = f"{cost['memory_seconds'] / cost['events'] * 1e6:.2f} µs an event, {share:.2f} of its processor time"
    intake = f"Parquet to lake, {cost['seconds'] / cost['events'] * 1e6:.2f} µs"
    with tempfile.TemporaryDirectory() as scratch:
        given = {"home": str(data.home), "small": data.events < _SMALL, "out": f"{scratch}/year"}
        grown = run(Case("grow", "memory:grow", given))
        asked = run(Case("ask", "memory:ask", given))
    year = {**grown, **asked, "grow_peak_mb": grown["peak_mb"]}
    first = f"{grown['seconds'] / grown['events'] * 1e6:.2f} µs an event, {grown['seconds']:.1f} s"
    size = f"{year['bytes'] / 1e6:.0f} MB, {year['bytes'] / year['rows']:.1f} B a row"
    p50, p95 = np.percentile(year["lookup_ms"], [50, 95])
    hosts50, hosts95 = np.percentile(year["where_ms"], [50, 95])
    join, below = year["join_seconds"], year["below_seconds"]
    wanted = f"{year['indicators']:,} indicators"
    rows = f"a year: {year['pairs']:,} host-process pairs, {year['rows']:,} rows"
    return [
        Line("memory", "taking in what the lake took in", told, intake, ratio, "", None, cost),
        Line("memory", "all of the lake, two weeks, at once", first),
        Line("memory", rows, size, "", None, "", None, year),
        Line("memory", "one value", f"p50 {p50:.1f} ms, p95 {p95:.1f} ms", "", None, "p95 < 50 ms", bool(p95 < 50)),
        Line("memory", "its hosts", f"p50 {hosts50:.1f} ms, p95 {hosts95:.1f} ms"),
        Line("memory", wanted, f"{join:.2f} s, {year['join_hits']:,} seen", "", None, "≤ 5 s", join <= 5.0),
        Line("memory", f"{wanted}, domains below", f"{below:.2f} s, {year['below_hits']:,} seen"),
        Line("memory", "a minute of 100,000 events", f"{year['minute_ms']:.0f} ms"),
        Line("memory", "memory of its process", f"{year['peak_mb']:.0f} MB peak", "", None, "< 2 GB",
             year["peak_mb"] < 2_000),
    ]  # fmt: skip


def keep(given: Figures) -> Figures:
    """Child: read files into a lake, then remember what came."""
    from rarebit.source.read import FileRead, ReadSettings

    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, most in (("warm", 1_000), ("lake", INTAKE_EVENTS)):
            started, cpu = time.perf_counter(), time.process_time()
            with Lake(Path(scratch) / name) as lake:
                _read(lake, given["files"], most, FileRead, ReadSettings())
                figures |= {"seconds": time.perf_counter() - started, "intake_cpu": time.process_time() - cpu}
                started, cpu = time.perf_counter(), time.process_time()
                report = FirstSeen(Path(scratch) / f"{name}-seen").update(lake)
                figures |= {"memory_seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
                figures |= {"events": lake.summary().events, "rows": report.rows, "bytes": report.bytes}
    return figures


def _read(lake: Lake, files: list[str], most: int, reader: type, settings: object) -> None:
    rows = 0
    with lake.writer() as writer:
        for file in files:
            if rows and rows + pq.read_metadata(file).num_rows > most:
                break
            for batch in reader(Path(file), settings).batches():
                part = batch.slice(0, most - rows)
                writer.append(part)
                rows += part.num_rows
                if rows >= most:
                    return


def grow(given: Figures) -> Figures:
    """Child: remember a lake, and make a year of it."""
    folder = Path(given["out"])
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch, Lake(Path(given["home"]) / "lake") as lake:
        with timed(figures):
            FirstSeen(Path(scratch) / "seen").update(lake)
        figures["events"] = lake.summary().events
        return figures | _grow(Path(scratch) / "seen", folder, 20_000 if given["small"] else PAIRS)


def ask(given: Figures) -> Figures:
    """Child: look up values and their hosts, join indicators, take in a minute."""
    folder = Path(given["out"])
    figures: Figures = {}
    rng = np.random.default_rng(7)
    asked = _sample(folder, rng)
    memory = FirstSeen(folder)
    with timed(figures):
        figures["lookup_ms"] = [_ms(lambda f=field, v=value: memory.lookup(f, [v])) for field, value in asked]
        figures["where_ms"] = [_ms(lambda f=field, v=value: memory.where(f, v)) for field, value in asked]
    wanted = _indicators(asked, 20_000 if given["small"] else INDICATORS, rng)
    figures["indicators"] = wanted.num_rows
    for name, below in (("join", False), ("below", True)):
        begun = time.perf_counter()
        figures[f"{name}_hits"] = FirstSeen(folder).join(wanted, below=below).num_rows
        figures[f"{name}_seconds"] = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as scratch, Lake(Path(given["home"]) / "lake") as lake:
        figures["minute_ms"] = _minute(lake, folder, Path(scratch) / "live")
    return figures


def _grow(seen: Path, folder: Path, pairs: int) -> Figures:
    """A year from two weeks: all of them, scaled, then each further week what the last one brought that was new."""
    source = MemoryFiles(seen, keep_us=366 * DAY_US, most_bytes=1 << 40)
    held = source.read()
    (segment, *more) = source.tidied(held).segments
    assert not more or max(each.rows for each in more) < segment.rows
    folder.mkdir()
    readers = [source.reader(each) for each in (segment, *more)]
    names = ["+".join(kept.fields) for kept in held.traits]
    counts: dict[str, int] = {}
    scale = 1.0
    parts: list[tuple[int, list[Sightings], list[pa.Table]]] = []
    order = sorted(range(len(names)), key=lambda number: names[number] != "process.name")
    for number in order:
        rows = reduced(np.concatenate([each.range(number, int(_WHOLE.min), int(_WHOLE.max)) for each in readers]))
        named = [each.text_range(number, int(_WHOLE.min), int(_WHOLE.max)) for each in readers]
        texts = distinct(pa.concat_tables(named))
        if rows.size == 0:
            continue
        if names[number] == "process.name":
            scale = pairs / rows.size
        made = _year_of(number, names[number], rows, texts, 1.0 if names[number] == "host.name" else scale)
        counts[names[number]] = sum(part.size for part in made[0])
        parts.append((number, *made))
    parts.sort(key=lambda part: part[0])
    rows_of = (reduced(np.concatenate(rows)) for _, rows, _ in parts)
    texts_of = (distinct(pa.concat_tables(texts)) for _, _, texts in parts)
    written: Segment = write(folder, rows_of, texts_of)
    newest = held.newest_us + WEEKS * 7 * DAY_US
    kept = tuple(Kept(each.fields, each.version) for each in held.traits)
    source_of = Contents(lake=held.lake, traits=kept, segments=(written,), newest_us=newest, aged_us=newest)
    MemoryFiles(folder, keep_us=366 * DAY_US, most_bytes=1 << 40).commit(source_of)
    told = {"rows": written.rows, "bytes": written.size, "rows_of_trait": counts, "scale": scale}
    return told | {"pairs": counts.get("process.name", 0), "growth": "all of two weeks, then 50 last weeks"}


def _year_of(
    number: int, name: str, rows: Sightings, texts: pa.Table, scale: float
) -> tuple[list[Sightings], list[pa.Table]]:
    """Rows of two weeks, scaled by repeating them under other values, and those of fifty further weeks."""
    newest = int(rows["last_us"].max())
    known = rows["first_us"] < newest - 7 * DAY_US
    old = np.unique(rows["code"][known])
    late = rows[~known]
    share = min(1.0, scale)
    rng = np.random.default_rng(number)
    sparse = share >= 1.0
    made_rows = [rows if sparse else rows[rng.random(rows.size) < share]]
    made_texts = [texts]
    # Scaling up repeats the rows under values of their own, since the set has fewer events, not fewer things.
    for turn in range(1, WEEKS + round(max(0.0, scale - 1.0))):
        week = turn - round(max(0.0, scale - 1.0))
        copied = (rows if week <= 0 else late[rng.random(late.size) < min(1.0, scale)]).copy()
        fresh = np.unique(copied["code"]) if week <= 0 else np.setdiff1d(copied["code"], old)
        renamed = _renamed(name, texts, fresh, turn, rng)
        at = np.searchsorted(fresh, copied["code"])
        inside = np.isin(copied["code"], fresh)
        copied["code"][inside] = renamed[0][at[inside]]
        if week > 0:
            for moment in ("first_us", "last_us"):
                copied[moment] += week * 7 * DAY_US
        made_rows.append(copied)
        traits = pa.array(np.full(fresh.size, number, np.int16))
        made_texts.append(pa.table({"trait": traits, "code": renamed[0], "text": renamed[1]}))
    return made_rows, made_texts


def _renamed(name: str, texts: pa.Table, codes: Ints, turn: int, rng: np.random.Generator) -> tuple[Ints, pa.Array]:
    """As many values of the same kind that were never seen, and their codes."""
    if name in _HASHES:
        length = len(texts.column("text")[0].as_py())
        digits = rng.bytes(codes.size * length // 2).hex()
        made = pa.array([digits[at : at + length] for at in range(0, codes.size * length, length)], pa.string())
    else:
        at = np.searchsorted(texts.column("code").to_numpy(), codes)
        own = texts.column("text").take(pa.array(at)).combine_chunks()
        made = pc.binary_join_element_wise(f"w{turn}", own, "." if is_domain(name) else "-")
    return codes_of_text(made), made


def _sample(folder: Path, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Values of all traits that are one field, picked at random."""
    files = MemoryFiles(folder, keep_us=1 << 60, most_bytes=1 << 60)
    held = files.read()
    found: list[tuple[str, str]] = []
    for number, kept in enumerate(held.traits):
        texts = files.reader(held.segments[0]).text_range(number, int(_WHOLE.min), int(_WHOLE.max)).column("text")
        if len(kept.fields) == 1 and len(texts):
            name = Trait(kept.fields).name
            picked = rng.integers(0, len(texts), LOOKUPS // 10)
            found += [(name, text) for text in texts.take(pa.array(picked)).to_pylist()]
    return found


def _indicators(asked: list[tuple[str, str]], number: int, rng: np.random.Generator) -> pa.Table:
    """Hashes, domains and addresses nobody has seen, and the values asked for among them."""
    hashes, domains = number // 2, number * 3 // 10
    digits = rng.bytes(hashes * 32).hex()
    fields = ["process.hash.sha256"] * hashes + ["dns.question.name"] * domains
    values = [digits[at : at + 64] for at in range(0, hashes * 64, 64)]
    values += [f"{one:x}.{two:x}.example" for one, two in rng.integers(0, 1 << 32, (domains, 2))]
    rest = number - len(values) - len(asked)
    fields += ["destination.ip"] * rest + [field for field, _ in asked]
    values += [f"203.{a}.{b}.{c}" for a, b, c in rng.integers(0, 256, (rest, 3))] + [value for _, value in asked]
    return pa.table({"field": fields, "value": values})


def _minute(lake: Lake, folder: Path, live: Path) -> float:
    """Milliseconds to take in one minute's commit of 100,000 events beside a year of memory."""
    from bench.many import MINUTE_EVENTS, minute_of

    template = lake.events(where="TRUE", limit=MINUTE_EVENTS, newest_first=True)
    with Lake(live) as fresh:
        for turn in range(2):
            with fresh.writer() as writer:
                writer.append(minute_of(template, (lake.summary().last_us or 0) + (turn + 1) * 60_000_000))
            if turn == 0:
                files = MemoryFiles(folder, keep_us=1 << 60, most_bytes=1 << 60)
                held = files.read()
                here = tuple(Kept(each.fields, fresh.version()) for each in held.traits)
                files.commit(Contents(**{**_fields(held), "lake": fresh.identity(), "traits": here}))
        memory = FirstSeen(folder)
        return _ms(lambda: memory.update(fresh))


def _fields(held: Contents) -> dict[str, object]:
    return {name: getattr(held, name) for name in held.__struct_fields__}


def _ms(ask: object) -> float:
    started = time.perf_counter()
    ask()  # type: ignore[operator]
    return (time.perf_counter() - started) * 1e3
