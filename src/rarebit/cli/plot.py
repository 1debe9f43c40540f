"""``rarebit job plot``: one series of a count job in the terminal, a line a day."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Final

import numpy as np
import typer

from rarebit.app.plot import PlotPoint, plot
from rarebit.cli.options import HomeOption, JsonOption, SinceOption, UntilOption, existing_home, moment
from rarebit.cli.output import data, safe, write_json

_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 48
"""Most bars a day; where there are more buckets, a bar is the sum of several."""


def plot_series(
    job_id: Annotated[str, typer.Argument(help="Id of a job that counts.")],
    series: Annotated[
        list[str] | None,
        typer.Option("--series", help="Value of the series; once for its partition field, then for its by field."),
    ] = None,
    detector: Annotated[int | None, typer.Option("--detector", min=0, help="Index of the detector.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Plot a series of a count job: what was counted, what was usual, and where its records are."""
    with existing_home(home) as place:
        points = plot(place, job_id, series or [], detector=detector, since_us=moment(since), until_us=moment(until))
    if json:
        write_json(points)
    else:
        print_plot(points, " ".join(series or []) or "the whole fleet")


def print_plot(points: Sequence[PlotPoint], name: str) -> None:
    """A line a day: its buckets as bars, sums, and the strongest record."""
    out = data()
    if not points:
        out.print(safe("no bucket in this time"))
        return
    first = points[0]
    span = f"{first.bucket_span // 60} min" if first.bucket_span % 60 == 0 else f"{first.bucket_span} s"
    days = [(day, list(part)) for day, part in groupby(points, key=lambda point: point.timestamp[:10])]
    bars = [_bars(day, first.bucket_span) for _, day in days]
    top = max(float(each.max()) for each in bars)
    out.print(safe(f"{name}: {first.function}, buckets of {span} (UTC); a full bar is {top:,.0f}"))
    for (day, part), heights in zip(days, bars, strict=True):
        line = "".join(_BARS[int(np.ceil(height / max(top, 1.0) * (len(_BARS) - 1)))] for height in heights)
        known = [point.typical for point in part if point.typical is not None]
        usual = f"{sum(known):,.0f} usual" if len(known) == len(part) else "learning"
        out.print(safe(f"{day} |{line}| {sum(point.actual for point in part):,} of {usual}{_strongest(part)}"))


def _bars(day: Sequence[PlotPoint], span: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Counts by place in the day (float64[n])."""
    slots = max(1, min(_WIDTH, 86_400 // span))
    heights = np.zeros(slots)
    for point in day:
        hour, minute, second = (int(part) for part in point.timestamp[11:19].split(":"))
        heights[min((hour * 3600 + minute * 60 + second) * slots // 86_400, slots - 1)] += point.actual
    return heights


def _strongest(day: Sequence[PlotPoint]) -> str:
    told = [point for point in day if (point.record_score or 0.0) >= 1.0]
    if not told:
        return ""
    point = max(told, key=lambda each: each.record_score or 0.0)
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    usual = f"{point.typical:.3g} usual, {point.lower:,} to {point.upper:,}" if point.typical is not None else ""
    record = f"record {(point.record_id or '')[:10]}, score {point.record_score:.0f}{more}"
    return f"  {point.timestamp[11:16]} {point.actual:,} ({usual}): {record}"
