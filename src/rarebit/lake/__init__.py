"""Events on disk: a Delta table of Parquet, and DuckDB to ask it."""
