"""One expression tree for all query languages, compiled to DuckDB SQL and to Arrow masks."""
