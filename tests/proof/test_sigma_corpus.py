"""Public rules of Sigma: how many load, and whether they find the events that come with them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from rarebit.alert.condition import condition
from rarebit.alert.sigma import parse_sigma
from rarebit.core.errors import DefinitionError
from rarebit.query.arrow import to_mask
from rarebit.source.read import FileRead
from rarebit.source.settings import ReadSettings
from rarebit.source.windows_fields import fields_of_event_data


@pytest.mark.proof
def test_public_rules_load_and_find_their_own_events() -> None:
    named = os.environ.get("RAREBIT_SIGMA", "")
    if not named or not Path(named).is_dir():
        pytest.skip("RAREBIT_SIGMA names no directory with rules*/ and regression_data/ of Sigma")
    sigma_corpus = Path(named)
    rules, refused = {}, Counter[str]()
    for file in sorted(sigma_corpus.glob("rules*/**/*.yml")):
        body = yaml.safe_load(file.read_bytes())
        try:
            rule = parse_sigma(body, where=file.name, moved=fields_of_event_data)
            rules[rule.id] = rule
        except DefinitionError as error:
            refused[error.what] += 1
    own: list[bool] = []
    for info in sorted(sigma_corpus.glob("regression_data/**/info.yml")):
        name = yaml.safe_load(info.read_bytes())["rule_metadata"][0]["id"]
        batches = [batch for file in info.parent.glob("*.evtx") for batch in FileRead(file, ReadSettings()).batches()]
        if batches and name in rules:
            own.append(bool(np.any(to_mask(condition(rules[name]), pa.Table.from_batches(batches)))))
    print(f"{len(rules)} rules loaded, {sum(refused.values())} refused; {sum(own)} of {len(own)} find their own events")  # noqa: T201
    assert len(rules) >= 2_900
    assert sum(own) >= 0.99 * len(own) > 150
