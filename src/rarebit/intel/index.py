"""Which of many values are indicators: sorted codes for whole values and names above a name, prefixes for networks."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.indicator import Kind
from rarebit.intel.codes import codes_of_text
from rarebit.intel.values import networks

Ints = NDArray[np.int64]
_MOST_LABELS: Final = 128
_IPV4: Final = r"^(?P<a>\d{1,3})\.(?P<b>\d{1,3})\.(?P<c>\d{1,3})\.(?P<d>\d{1,3})$"


class Index:
    """Look-ups in a table of indicators; 16 bytes an indicator beside the table.

    Parameters
    ----------
    table : Table
        With ``kind``, ``value`` and ``code``, by kind and code, as the library gives it.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        kinds = table.column("kind")
        codes = table.column("code").to_numpy()
        self._codes: dict[Kind, Ints] = {}
        self._rows: dict[Kind, Ints] = {}
        for kind in Kind:
            rows = np.flatnonzero(pc.equal(kinds, kind.value).to_numpy(zero_copy_only=False))
            if rows.size:
                self._codes[kind], self._rows[kind] = codes[rows], rows
        self._networks = _Networks(table, self._rows[Kind.CIDR]) if Kind.CIDR in self._rows else None

    @property
    def kinds(self) -> frozenset[Kind]:
        """Kinds of which there are indicators."""
        return frozenset(self._codes)

    def find(self, kind: Kind, values: pa.Array) -> tuple[Ints, Ints]:
        """Which values are indicators of a kind.

        Parameters
        ----------
        kind : Kind
            ``ip`` and ``cidr`` are asked by themselves; ``domain`` takes in the names above.
        values : Array
            Texts in normal form, without nulls.

        Returns
        -------
        int64[m], int64[m]
            Places in `values` and rows of the table: every pair that matches.
        """
        if kind not in self._codes or len(values) == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        if kind is Kind.CIDR and self._networks is not None:
            return self._networks.find(values)
        if kind is Kind.DOMAIN:
            return self._names(values)
        return self._exact(kind, codes_of_text(values), np.arange(len(values)))

    def _exact(self, kind: Kind, codes: Ints, places: Ints) -> tuple[Ints, Ints]:
        own, rows = self._codes[kind], self._rows[kind]
        at = np.minimum(np.searchsorted(own, codes), own.size - 1)
        hit = np.flatnonzero(own[at] == codes)
        first, last = (np.searchsorted(own, codes[hit], side=side) for side in ("left", "right"))
        return np.repeat(places[hit], last - first), rows[runs(first, last)]

    def _names(self, values: pa.Array) -> tuple[Ints, Ints]:
        places = np.arange(len(values))
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for _ in range(_MOST_LABELS):
            if not len(values):
                break
            found.append(self._exact(Kind.DOMAIN, codes_of_text(values), places))
            deeper = pc.match_substring(values, ".")
            places = places[deeper.to_numpy(zero_copy_only=False)]
            values = pc.replace_substring_regex(values.filter(deeper), r"^[^.]*\.", "", max_replacements=1)
        return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def runs(first: Ints, last: Ints) -> Ints:
    """``first[0] … last[0] - 1, first[1] …`` end to end."""
    sizes = last - first
    starts = np.repeat(first - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) if sizes.size else first
    return np.asarray(starts + np.arange(int(sizes.sum())), np.int64)


class _Networks:
    """Networks by the length of their prefix: one look-up for each length that there is."""

    def __init__(self, table: pa.Table, rows: Ints) -> None:
        self._four: dict[int, tuple[Ints, Ints]] = {}
        self._six: dict[int, dict[int, list[int]]] = {}
        four: dict[int, list[tuple[int, int]]] = {}
        for row, network in zip(
            rows.tolist(), networks(table.column("value").take(pa.array(rows)).to_pylist()), strict=True
        ):
            base = int(network.network_address)
            if network.version == 4:  # noqa: PLR2004
                four.setdefault(network.prefixlen, []).append((base, row))
            else:
                self._six.setdefault(network.prefixlen, {}).setdefault(base, []).append(row)
        for length, pairs in four.items():
            made = np.array(sorted(pairs), np.int64)
            self._four[length] = made[:, 0], made[:, 1]

    def find(self, values: pa.Array) -> tuple[Ints, Ints]:
        places, addresses = _numbers(values)
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for length, (bases, rows) in self._four.items():
            masked = addresses >> (32 - length) << (32 - length)
            first, last = (np.searchsorted(bases, masked, side=side) for side in ("left", "right"))
            found.append((np.repeat(places, last - first), rows[runs(first, last)]))
        if self._six:
            found.append(self._find_six(values))
        return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])

    def _find_six(self, values: pa.Array) -> tuple[Ints, Ints]:
        long = np.flatnonzero(pc.match_substring(values, ":").to_numpy(zero_copy_only=False))
        places, rows = [], []
        for place, text in zip(long.tolist(), values.take(pa.array(long)).to_pylist(), strict=True):
            try:
                address = int(ip_address(text.split("%")[0]))
            except ValueError:
                continue
            for length, bases in self._six.items():
                for row in bases.get(address >> (128 - length) << (128 - length), ()):
                    places.append(place)
                    rows.append(row)
        return np.array(places, np.int64), np.array(rows, np.int64)


def _numbers(values: pa.Array) -> tuple[Ints, Ints]:
    """Places and numbers of the IPv4 addresses among texts."""
    parts = pc.extract_regex(values, _IPV4)
    places = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    octets = [
        pc.cast(part, pa.int64()).to_numpy(zero_copy_only=False) for part in parts.take(pa.array(places)).flatten()
    ]
    number = np.zeros(places.size, np.int64)
    sane = np.ones(places.size, np.bool_)
    for octet in octets:
        number = number << 8 | octet
        sane &= octet < 256  # noqa: PLR2004
    return places[sane], number[sane]
