"""Events on disk: a Delta table of Parquet files, one writer, many readers, queried with DuckDB."""

from rarebit.lake.compact import CompactReport
from rarebit.lake.document import documents
from rarebit.lake.engine import query_time
from rarebit.lake.first_seen import FirstSeen, MemoryReport
from rarebit.lake.lake import Lake, LakeSummary
from rarebit.lake.writer import AppendResult, LakeWriter

__all__ = [
    "AppendResult",
    "CompactReport",
    "FirstSeen",
    "Lake",
    "LakeSummary",
    "LakeWriter",
    "MemoryReport",
    "documents",
    "query_time",
]
