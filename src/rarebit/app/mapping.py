"""A mapping file: which column of a CSV file fills which ECS field."""

from __future__ import annotations

from pathlib import Path

import yaml

from rarebit.core.errors import InputError


def read_mapping(path: Path) -> dict[str, str]:
    """Column to field, of a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read or is not a flat mapping of names.
    """
    try:
        body = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the mapping: {error}", where=str(path)) from error
    if not isinstance(body, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in body.items()):
        raise InputError(
            "a mapping is a list of lines 'column: field'", where=str(path), hint="As: Computer: host.name"
        )
    return dict(body)
