"""``rarebit tune``: what could be hidden, each with its measured effect and what speaks for it."""

from __future__ import annotations

from rarebit.app import tune as tuning
from rarebit.cli.options import HomeOption, JsonOption, existing_home
from rarebit.cli.output import data, notes, progress, safe, write_json
from rarebit.core.suppression import Proposal


def tune(home: HomeOption = None, json: JsonOption = False) -> None:
    """Propose suppressions, mined on three weeks of findings and measured on the last; nothing is changed."""
    with existing_home(home) as place, progress() as report:
        found = tuning.tune(place, progress=report)
    if json:
        write_json(found.proposals)
        return
    if found.days < tuning.LEAST_US / 86_400_000_000 - 1:
        notes().print(f"findings of {found.days:.1f} days are too few: proposals need two weeks of them")
    elif not found.proposals:
        notes().print(
            f"nothing to propose: among {found.findings:,} findings no pattern that vouches for itself, spares every "
            "attack and takes at least 3 a week"
        )
    taken = sum(each.removed for each in found.proposals)
    if found.proposals:
        share = 100.0 * taken / max(found.last_week, 1)
        data().print(f"{taken} of {found.last_week} findings of the last week ({share:.0f} %)", style="bold")
    for number, each in enumerate(found.proposals, start=1):
        _card(number, each)


def _card(number: int, each: Proposal) -> None:
    out = data()
    out.print(safe(f"{number}. {' and '.join(f'{name}={value}' for name, value in each.where.items())}"), style="bold")
    beyond = " beyond those above" if number > 1 else ""
    out.print(
        safe(
            f"   removes {each.removed} a week ({each.weekly_low:.0f} to {each.weekly_high:.0f}){beyond}; "
            f"{each.before} in the {each.weeks_before:.1f} weeks it was mined on"
        )
    )
    out.print(
        safe(
            f"   spans {each.entities} hosts or accounts and {each.days} days; {100.0 * each.width:.2g} % of all "
            f"events meet it"
        )
    )
    out.print(
        safe(
            f"   hides 0 of {each.replays} events of replayed attacks, 0 of {each.confirmed} confirmed findings; "
            f"would expire {each.expires}"
        )
    )
    out.print(safe(f"   such as: {each.sentence}"))
    out.print(safe(f"   {each.command}"), soft_wrap=True)
