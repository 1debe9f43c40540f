"""What a supervisor and Prometheus ask."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rarebit.app.live import LiveStanding
from rarebit.app.status import Status
from rarebit.core.live import SourceStanding
from rarebit.core.time import parse_time
from rarebit.web.access import home_of, live_of
from rarebit.web.sight import status_of

_US = 1_000_000


def alive(_request: Request) -> Response:
    """For a supervisor: the process answers."""
    return Response(b'{"alive":true}', media_type="application/json")


def ready(request: Request) -> Response:
    """For a balancer: the database can be read, and events can be taken."""
    accounts = home_of(request).store.accounts.count()
    standing = live_of(request).standing()
    room = standing.spool_bytes < standing.spool_bound
    body = {"ready": room, "set_up": accounts > 0}
    return Response(msgspec.json.encode(body), status_code=200 if room else 503, media_type="application/json")


def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    sources = home_of(request).store.live.sources.list()
    registry.register(_Numbers(status_of(request), live_of(request).standing(), sources))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Numbers(Collector):
    def __init__(self, status: Status, live: LiveStanding, sources: list[SourceStanding]) -> None:
        self._status, self._live, self._sources = status, live, sources

    def collect(self) -> Iterator[Metric]:
        live, status = self._live, self._status
        yield GaugeMetricFamily("rarebit_lake_events", "Events in the lake.", status.events)
        yield GaugeMetricFamily("rarebit_lake_bytes", "Bytes of the lake on disk.", status.bytes)
        yield CounterMetricFamily("rarebit_runs", "Turns of the worker since the start.", live.cycles)
        yield CounterMetricFamily("rarebit_events_taken", "New events taken in since the start.", live.events)
        yield GaugeMetricFamily("rarebit_run_seconds", "What the last run took.", live.last_seconds)
        yield GaugeMetricFamily("rarebit_run_failing", "1 while runs fail.", int(bool(live.trouble)))
        yield GaugeMetricFamily("rarebit_spool_bytes", "Bytes accepted and not in the lake yet.", live.spool_bytes)
        yield GaugeMetricFamily("rarebit_spool_bound_bytes", "Beyond this senders are told to wait.", live.spool_bound)
        yield GaugeMetricFamily(
            "rarebit_files_with_trouble", "Files that could not be read in part or whole.", status.files_with_trouble
        )
        yield from self._of_jobs()
        yield from self._of_sources()

    def _of_jobs(self) -> Iterator[Metric]:
        state = GaugeMetricFamily("rarebit_job_state", "1 for the state a job is in.", labels=["job", "state"])
        behind = GaugeMetricFamily("rarebit_job_versions_behind", "Commits a job has not read.", labels=["job"])
        mark = GaugeMetricFamily("rarebit_job_watermark_seconds", "Time of the last event judged.", labels=["job"])
        memory = GaugeMetricFamily("rarebit_job_memory_bytes", "Memory of a job at its last run.", labels=["job"])
        evicted = GaugeMetricFamily("rarebit_job_evicted_pairs", "Dropped at the memory limit.", labels=["job"])
        for job in self._status.jobs:
            state.add_metric([job.id, job.state], 1)
            behind.add_metric([job.id], job.behind)
            if job.reached:
                mark.add_metric([job.id], parse_time(job.reached) / _US)
            if job.memory:
                memory.add_metric([job.id], job.memory.get("memory_bytes", 0))
                evicted.add_metric([job.id], job.memory.get("evicted_pairs", 0))
        yield from (state, behind, mark, memory, evicted)

    def _of_sources(self) -> Iterator[Metric]:
        events = CounterMetricFamily("rarebit_source_events", "Events taken from a source.", labels=["source"])
        late = CounterMetricFamily("rarebit_source_late_events", "Events over ten minutes late.", labels=["source"])
        latest = GaugeMetricFamily("rarebit_source_latest_seconds", "The most an event was late.", labels=["source"])
        mark = GaugeMetricFamily("rarebit_source_watermark_seconds", "Time of the newest event.", labels=["source"])
        silent = GaugeMetricFamily("rarebit_source_silent_seconds", "Since events last came.", labels=["source"])
        now = time.time()
        for source in self._sources:
            events.add_metric([source.id], source.events)
            late.add_metric([source.id], source.late_events)
            latest.add_metric([source.id], source.latest_us / _US)
            if source.watermark_us is not None:
                mark.add_metric([source.id], source.watermark_us / _US)
            if source.arrived_us is not None:
                silent.add_metric([source.id], max(0.0, now - source.arrived_us / _US))
        yield from (events, late, latest, mark, silent)
