"""The portfolio: proposals that a search tries first, as one of them is close to the best on most tables.

They were chosen greedily from a pool over real tables: each one adds most to the best of those before it. See
docs/results/portfolio.md.
"""

from contextlib import suppress
from functools import cache
from pathlib import Path

from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Proposal
from mtl_nas.errors import DesignError
from mtl_nas.tree_files import read_tree
from mtl_nas.values import parse

FILE = Path(__file__).with_name("portfolio.yaml")


@cache
def portfolio() -> dict[str, Proposal]:
    """The proposals by name, the most useful one first."""
    return {name: parse(Proposal, tree, f"{FILE.name}: {name}", DesignError) for name, tree in read_tree(FILE).items()}


def compatible_proposals(schema: Schema) -> dict[str, Proposal]:
    """The proposals of the portfolio that a schema allows; label thresholds, say, are not there with folds."""
    compatible = {}
    for name, proposal in portfolio().items():
        with suppress(DesignError):
            compose(proposal.design, schema)
            compatible[name] = proposal
    return compatible
