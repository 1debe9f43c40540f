"""Part ``peers``: cost of one event in River and PyOD beside the product's kernel, on the same rows."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from bench.data import Data
from bench.jobs import RARE_JOB
from bench.measure import Case, Figures, Line, rounds, timed

SAMPLE = 200_000
SLOW_SAMPLE = 10_000
_BATCH = 65_536
_PEERS = (
    ("river", "river", "River Multinomial per host", SAMPLE),
    ("trees", "river", "River HalfSpaceTrees", SLOW_SAMPLE),
    ("ECOD", "pyod", "PyOD ECOD", SAMPLE),
    ("HBOS", "pyod", "PyOD HBOS", SAMPLE),
    ("IForest", "pyod", "PyOD IForest", SAMPLE),
)


def peers(data: Data, repeats: int) -> list[Line]:
    """What the field's libraries take an event; the product's kernel is the floor here."""
    rows = _rows(data)
    present = [peer for peer in _PEERS if find_spec(peer[1])]
    cases = [Case("kernel", "peers:kernel", {"rows": rows, "size": SAMPLE})]
    for name, library, _, size in present:
        function = "peers:detector" if library == "pyod" else f"peers:{name}"
        cases.append(Case(name, function, {"rows": rows, "size": size, "name": name}))
    found = rounds(cases, repeats)
    own = found["kernel"]["seconds"] / found["kernel"]["events"] * 1e9
    lines = [Line("peers", "Rarebit rare kernel", f"{own:.0f} ns an event", details=found["kernel"])]
    for name, library, title, _ in _PEERS:
        if name not in found:
            lines.append(Line("peers", title, f"skipped: {library} is not installed"))
            continue
        each = found[name]["seconds"] / found[name]["events"] * 1e9
        lines.append(Line("peers", title, f"{each:,.0f} ns an event", "our kernel", each / own, details=found[name]))
    return lines


def _rows(data: Data) -> str:
    """A file of the first process events of the lake: time, code of host and of process."""
    path = data.home / "peers.npz"
    if not path.exists():
        from rarebit.detect.catalog import catalog
        from rarebit.detect.plan import plan
        from rarebit.detect.scan import request
        from rarebit.lake import Lake

        asked = request([plan(catalog()[RARE_JOB].job)])
        parts: list[list[np.ndarray]] = []
        with Lake(data.home / "lake") as lake:
            for table in lake.scan(columns=asked.columns, where=asked.where):
                names = ("time", "field:host.name", "field:process.name")
                parts.append([table.column(name).to_numpy() for name in names])
                if sum(part[0].size for part in parts) >= SAMPLE:
                    break
        times, hosts, names_of = (np.concatenate(column)[:SAMPLE] for column in zip(*parts, strict=True))
        np.savez(path, times=times, hosts=hosts, processes=names_of)
    return str(path)


def _load(given: Figures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    held = np.load(given["rows"])
    return tuple(held[name][: given["size"]] for name in ("times", "hosts", "processes"))  # type: ignore[return-value]


def _features(given: Figures) -> np.ndarray:
    """Four numbers an event, known before it: hour, and logs of the counts of host, process and pair so far."""
    times, hosts, processes = _load(given)
    hours = times // 3_600_000_000 % 24
    counts: list[dict[object, int]] = [{}, {}, {}]
    out = np.empty((times.size, 4))
    for row, keys in enumerate(zip(hosts, processes, zip(hosts, processes, strict=True), strict=True)):
        out[row, 0] = hours[row]
        for at, key in enumerate(keys):
            seen = counts[at].get(key, 0)
            out[row, at + 1] = np.log1p(seen)
            counts[at][key] = seen + 1
    return out


def kernel(given: Figures) -> Figures:
    """Child: the rare model, individual mode."""
    from rarebit.model.rare import RareModel
    from rarebit.model.rare_kernel import INDIVIDUAL

    times, hosts, processes = _load(given)
    RareModel(INDIVIDUAL).score_and_learn(times[:100], hosts[:100], processes[:100])
    model, figures = RareModel(INDIVIDUAL), {}
    with timed(figures):
        for at in range(0, times.size, _BATCH):
            part = slice(at, at + _BATCH)
            model.score_and_learn(times[part], hosts[part], processes[part])
    return figures | {"events": times.size}


def river(given: Figures) -> Figures:
    """Child: River's Multinomial, one for each host, probability before update."""
    from river.proba import Multinomial

    _, hosts, processes = _load(given)
    models: dict[int, Multinomial] = {}
    figures: Figures = {}
    with timed(figures):
        for host, process in zip(hosts.tolist(), processes.tolist(), strict=True):
            model = models.get(host)
            if model is None:
                model = models[host] = Multinomial()
            model(process)
            model.update(process)
    return figures | {"events": hosts.size}


def trees(given: Figures) -> Figures:
    """Child: River's HalfSpaceTrees, default size, score before learning."""
    from river.anomaly import HalfSpaceTrees

    rows = [dict(enumerate(row / 16)) for row in _features(given)]
    model, figures = HalfSpaceTrees(seed=1), {}
    with timed(figures):
        for row in rows:
            model.score_one(row)
            model.learn_one(row)
    return figures | {"events": len(rows)}


def detector(given: Figures) -> Figures:
    """Child: a detector of PyOD, fitted and scored once over all rows."""
    import warnings
    from importlib import import_module

    rows = _features(given)
    figures: Figures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = getattr(import_module(f"pyod.models.{given['name'].lower()}"), given["name"])()
        with timed(figures):
            made.fit(rows)
            made.decision_function(rows)
    return figures | {"events": len(rows)}
