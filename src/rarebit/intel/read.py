"""Files of indicators: what they are, and what became of every entry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rarebit.core.errors import InputError
from rarebit.intel import misp, stix
from rarebit.intel.documents import parse, read_bytes
from rarebit.intel.draft import Draft
from rarebit.intel.tables import ListMapping, read_csv, read_list

FORMATS: Final = ("stix", "misp", "csv", "list")
_JSON: Final = frozenset(b"{[")


def read_files(
    paths: Sequence[Path], draft: Draft, *, form: str | None = None, mapping: ListMapping | None = None
) -> None:
    """Take in files, and those of directories; a directory with MISP's manifest is a feed.

    Parameters
    ----------
    paths : sequence of Path
        Files or directories.
    draft : Draft
        Takes the entries.
    form : str, optional
        One of :data:`FORMATS`; by content where not given.
    mapping : ListMapping, optional
        For CSV and lists.

    Raises
    ------
    InputError
        If a path is not there, or a file as a whole is not of the form.
    """
    if form is not None and form not in FORMATS:
        raise InputError(f"{form!r} is none of {', '.join(FORMATS)}", where="--type")
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file", where=str(path))
        for file in _files(path):
            read_file(file, draft, form=form, mapping=mapping)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    manifest = path / misp.MANIFEST
    return [manifest] if manifest.is_file() else sorted(each for each in path.rglob("*") if each.is_file())


def read_file(path: Path, draft: Draft, *, form: str | None = None, mapping: ListMapping | None = None) -> None:
    """Take in one file; see :func:`read_files`."""
    data = read_bytes(path)
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if form in ("stix", "misp") or (form is None and head[:1] and head[0] in _JSON):
        body = parse(data, str(path))
        if form == "misp" or (form is None and misp.looks_like(body)):
            misp.read_misp(body, draft, path)
        elif form == "stix" or stix.looks_like(body):
            stix.read_stix(body, draft, str(path))
        else:
            raise InputError("JSON that is neither STIX nor MISP", where=str(path))
    elif form == "csv" or (form is None and _is_table(head, path, mapping)):
        read_csv(data, draft, str(path), mapping)
    else:
        read_list(data, draft, str(path), mapping)


def _is_table(head: bytes, path: Path, mapping: ListMapping | None) -> bool:
    if path.suffix.lower() in (".csv", ".tsv") or (mapping is not None and (mapping.value or mapping.columns)):
        return True
    first = next((line for line in head.splitlines() if line.strip() and not line.startswith((b"#", b";"))), b"")
    return b"," in first
