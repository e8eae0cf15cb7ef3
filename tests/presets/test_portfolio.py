"""The portfolio: proposals that every table may have, and that a search tries first."""

import pytest

import mtl_nas as mn
from mtl_nas.presets import compatible_proposals, portfolio
from mtl_nas.record import Budget
from mtl_nas.space import load_space
from mtl_nas.study.schedule.budget import first_origins, untried_origin
from mtl_nas.study.search_state import SearchState

SCHEMA = mn.load_dataset("synthetic-funnel").schema


@pytest.mark.parametrize("name", portfolio())
def test_the_space_everything_holds_each_proposal(name: str) -> None:
    proposal = portfolio()[name]
    space = load_space("everything").for_schema(SCHEMA)
    assert space.encode(proposal) is not None


def test_proposals_are_different_designs_or_trainings() -> None:
    assert len(set(map(str, portfolio().values()))) == len(portfolio())


def test_a_table_without_thresholds_has_the_other_proposals() -> None:
    numbers = tuple(number.model_copy(update={"thresholds": ()}) for number in SCHEMA.numbers)
    without = SCHEMA.model_copy(update={"numbers": numbers})
    expected = [name for name, proposal in portfolio().items() if "target" not in str(proposal.design.inputs.numbers)]
    assert list(compatible_proposals(without)) == expected


def test_the_baseline_comes_first_then_the_portfolio_then_presets() -> None:
    state = SearchState(
        Budget(trials=12), presets=("single_task", "mmoe", "ple", "cgc"), portfolio=("a", "b", "c", "d", "e")
    )
    expected = ("single_task", "a", "b", "c", "d", "mmoe", "ple")
    assert tuple(origin.partition(":")[2] for origin in first_origins(state)) == expected
    assert untried_origin(state) == "preset:single_task"
    state.by_origin.update(dict.fromkeys(first_origins(state)[:3], 0))
    assert untried_origin(state) == "portfolio:c"
