"""A design and a schema become a graph: who reads what, what is left out, what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Concat, Expert, Gate, History, Product, Tower, Transfer
from mtl_nas.composition import compose
from mtl_nas.data import Schema, load_dataset
from mtl_nas.design import Design, Gating, Inputs, Level, Losses, Transfers
from mtl_nas.errors import DesignError

PAIR = schema_of("click", "buy")
THREE = schema_of("click", "buy", "pay")
FUNNEL = schema_of("click", "buy<click", "pay<buy")


def reads(architecture: Architecture) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in architecture.nodes}


def names(architecture: Architecture) -> list[str]:
    return [node.name for node in architecture.nodes]


def linked(*links: tuple[str, str]) -> Design:
    return Design(transfers=Transfers(links=links))


@pytest.mark.parametrize(
    ("design", "schema", "message"),
    [
        (
            linked(("click", "buy"), ("buy", "pay"), ("pay", "click")),
            THREE,
            "transfers.links run in a circle: click -> buy -> pay -> click; take one link out",
        ),
        (linked(("buy", "buy")), PAIR, "transfers.links run in a circle: buy -> buy; take one link out"),
        (
            linked(("click", "bye")),
            PAIR,
            "transfers.links names task 'bye', which the data does not have; did you mean 'buy'?",
        ),
        (linked(("xyz", "click")), PAIR, "transfers.links names task 'xyz', which the data does not have"),
        (
            Design(levels=(Level(shared=1), Level(specific={"clik": 1}))),
            PAIR,
            "levels.1.specific names task 'clik', which the data does not have; did you mean 'click'?",
        ),
        (
            Design(losses=Losses(calibrator=0.3)),
            PAIR,
            "losses.calibrator is 0.3, but no task is declared after another; "
            "declare one with after:, or say calibrator: 0",
        ),
        (
            Design(funnel="product"),
            schema_of("dwell~", "buy<dwell"),
            "the design gives no valid graph: product 'product/buy' takes 'tower/dwell' for a binary prediction, but "
            "the head of 'dwell' reads it as regression; use it for binary tasks only",
        ),
        (
            Design(levels=(Level(specific={"click": 2}),)),
            PAIR,
            "levels.0 leaves task 'buy' without an expert: no specific one, no shared one",
        ),
    ],
)
def test_a_design_that_does_not_fit_says_why(design: Design, schema: Schema, message: str) -> None:
    with pytest.raises(DesignError) as problem:
        compose(design, schema)
    assert str(problem.value) == message


def test_a_level_without_experts_is_refused_when_it_is_written() -> None:
    for specific in (0, {}, {"click": 0}):
        with pytest.raises(ValueError, match="a level needs an expert for every task, got shared=0 and specific=0"):
            Level(shared=0, specific=specific)


def test_a_task_without_experts_of_its_own_can_see_those_of_others() -> None:
    for gating in (Gating(sees="all"), Gating(placement="all"), Gating(placement="none", sees="all")):
        architecture = compose(Design(levels=(Level(specific={"click": 2}, mixing=gating),)), PAIR)
        assert architecture.tasks == ("click", "buy")


def test_a_task_without_experts_in_the_lowest_level_fails_there_alone() -> None:
    with pytest.raises(DesignError, match=r"^levels\.1 leaves task 'click'"):
        compose(Design(levels=(Level(shared=1), Level(specific={"buy": 1}))), PAIR)


def test_cgc_sees_its_own_experts_before_the_shared_ones() -> None:
    inputs = reads(compose(Design(levels=(Level(shared=2, specific={"click": 1, "buy": 2}),)), PAIR))
    shared = ("level0/expert/0", "level0/expert/1")
    assert inputs["level0/gate/click"] == ("embedding", "level0/expert/click/0", *shared)
    assert inputs["level0/gate/buy"] == ("embedding", "level0/expert/buy/0", "level0/expert/buy/1", *shared)


def test_ple_asks_the_state_below_and_shares_a_state_between_levels() -> None:
    inputs = reads(compose(Design(levels=(Level(shared=1, specific=1),) * 2), PAIR))
    every = ("level0/expert/click/0", "level0/expert/buy/0", "level0/expert/0")
    assert inputs["level0/gate"] == ("embedding", *every)
    assert inputs["level1/expert/0"] == ("level0/gate",)
    assert inputs["level1/expert/click/0"] == ("level0/gate/click",)
    assert inputs["level1/gate/click"] == ("level0/gate/click", "level1/expert/click/0", "level1/expert/0")
    assert "level1/gate" not in inputs


def test_a_gate_can_ask_the_features_at_every_level() -> None:
    inputs = reads(compose(Design(levels=(Level(shared=2, mixing=Gating(query="features")),) * 2), PAIR))
    assert inputs["level1/gate/buy"][0] == "embedding"


def test_one_gate_for_all_tasks_gives_one_state() -> None:
    architecture = compose(Design(levels=(Level(shared=2, specific=1, mixing=Gating(placement="all")),)), PAIR)
    inputs = reads(architecture)
    assert inputs["tower/click"] == inputs["tower/buy"] == ("level0/gate",)
    assert len(inputs["level0/gate"]) == 1 + 4


def test_no_gate_is_a_mean_that_asks_nothing() -> None:
    architecture = compose(Design(levels=(Level(shared=2, specific=1, mixing=Gating(placement="none")),)), PAIR)
    node = architecture.node("level0/gate/buy")
    assert node.block == Gate(kind="mean")
    assert node.inputs == ("level0/expert/buy/0", "level0/expert/0", "level0/expert/1")


@pytest.mark.parametrize("placement", ["task", "all", "none"])
def test_a_gate_over_one_expert_is_that_expert(placement: str) -> None:
    architecture = compose(Design(levels=(Level(shared=1, mixing=Gating(placement=placement)),)), PAIR)
    assert names(architecture) == ["embedding", "level0/expert/0", "tower/click", "tower/buy"]
    assert reads(architecture)["tower/buy"] == ("level0/expert/0",)


def test_what_reaches_no_head_is_left_out() -> None:
    """A shared gate and a shared expert that nothing above reads; the tables that no task owns."""
    design = Design(inputs=Inputs(tables="task"), levels=(Level(specific=1), Level(shared=0, specific=2)))
    actual = names(compose(design, PAIR))
    assert "level0/gate" not in actual
    assert "embedding" not in actual
    assert {"embedding/click", "embedding/buy"} <= set(actual)


def test_shared_experts_keep_shared_tables_where_each_task_has_its_own() -> None:
    actual = reads(compose(Design(inputs=Inputs(tables="task"), levels=(Level(shared=1, specific=1),)), PAIR))
    assert actual["level0/expert/0"] == ("embedding",)
    assert actual["level0/expert/buy/0"] == ("embedding/buy",)
    assert actual["level0/gate/buy"][0] == "embedding/buy"


@pytest.mark.parametrize("tables", ["shared", "task"])
def test_zero_levels_share_the_features_alone(tables: str) -> None:
    actual = reads(compose(Design(inputs=Inputs(tables=tables)), PAIR))
    assert actual["tower/buy"] == ("embedding" if tables == "shared" else "embedding/buy",)


def test_columns_and_histories_join() -> None:
    schema = schema_of("click", histories=((5, 3), (4,)), categories=(3,))
    architecture = compose(Design(inputs=Inputs(embedding=4)), schema)
    assert architecture.node("features").block == Concat()
    assert reads(architecture)["features"] == ("embedding", "sequence/h0", "sequence/h1")
    assert architecture.node("sequence/h0").block == History(name="h0", sizes=(5, 3), length=4, width=4)
    assert architecture.widths["features"] == (1 + 5) * 4 + 2 * 4 + 4


def test_one_kind_of_feature_needs_no_join() -> None:
    architecture = compose(Design(), schema_of("click", numbers=0, histories=((5,),)))
    assert names(architecture) == ["sequence/h0", "tower/click"]


def test_outputs_follow_the_kinds_of_the_tasks() -> None:
    architecture = compose(Design(tower=Tower(hidden=(3,), outputs=9)), schema_of("click", "stars*4", "dwell~"))
    widths = {head.task: architecture.widths[head.node] for head in architecture.heads}
    assert widths == {"click": 1, "stars": 4, "dwell": 1}
    assert [head.kind for head in architecture.heads] == ["binary", "multiclass", "regression"]


def test_a_chain_passes_on_what_it_received() -> None:
    design = Design(levels=(Level(specific=1),), transfers=Transfers(links="chain"))
    inputs = reads(compose(design, THREE))
    assert inputs["transfer/buy"] == ("level0/expert/buy/0", "level0/expert/click/0")
    assert inputs["transfer/pay"] == ("level0/expert/pay/0", "transfer/buy")
    assert inputs["tower/click"] == ("level0/expert/click/0",)


def test_links_run_in_their_own_order_and_sources_in_the_declared_one() -> None:
    inputs = reads(compose(linked(("buy", "click"), ("pay", "click"), ("pay", "buy")), THREE))
    assert inputs["transfer/click"] == ("embedding", "transfer/buy", "embedding")
    assert inputs["transfer/buy"] == ("embedding", "embedding")
    assert "transfer/pay" not in inputs


def test_a_link_written_twice_is_one_link() -> None:
    once, twice = linked(("click", "buy")), linked(("click", "buy"), ("click", "buy"))
    assert compose(once, PAIR) == compose(twice, PAIR)


def test_a_chain_of_one_task_links_nothing() -> None:
    assert names(compose(Design(transfers=Transfers(links="chain")), schema_of("click"))) == [
        "embedding",
        "tower/click",
    ]


def test_products_multiply_along_the_nesting() -> None:
    architecture = compose(Design(funnel="product"), FUNNEL)
    assert architecture.node("product/pay").inputs == ("tower/click", "tower/buy", "tower/pay")
    assert [(head.task, head.node, head.given) for head in architecture.heads] == [
        ("click", "tower/click", None),
        ("buy", "product/buy", None),
        ("buy", "tower/buy", "click"),
        ("pay", "product/pay", None),
        ("pay", "tower/pay", "buy"),
    ]


def test_branches_of_a_funnel_multiply_their_own_steps() -> None:
    schema = schema_of("click", "buy<click", "like<click", "refund<buy")
    architecture = compose(Design(funnel="product"), schema)
    assert architecture.node("product/like").inputs == ("tower/click", "tower/like")
    assert architecture.node("product/refund").inputs == ("tower/click", "tower/buy", "tower/refund")


def test_a_funnel_of_nothing_nested_is_direct() -> None:
    assert compose(Design(funnel="product"), PAIR) == compose(Design(), PAIR)
    assert all(not isinstance(node.block, Product) for node in compose(Design(), FUNNEL).nodes)


def test_options_of_the_design_arrive_at_the_nodes() -> None:
    expert, transfer = Expert(hidden=(4,), activation="tanh"), Transfer(score="cross", bias=True)
    gating = Gating(hidden=(3,), bias=True, temperature=0.5)
    design = Design(
        levels=(Level(shared=2, expert=expert, mixing=gating),),
        transfers=Transfers(links="chain", transfer=transfer),
        tower=Tower(hidden=(2,), norm="layer"),
    )
    architecture = compose(design, PAIR)
    assert architecture.node("level0/expert/1").block == expert
    assert architecture.node("level0/gate/click").block == Gate(hidden=(3,), bias=True, temperature=0.5)
    assert architecture.node("transfer/buy").block == transfer
    assert architecture.node("tower/buy").block == Tower(hidden=(2,), norm="layer")


@pytest.mark.parametrize("weighting", ["dwa", "gls", "gradnorm", "famo"])
def test_weightings_by_ratios_are_refused_beside_losses_below_zero(weighting):
    frame = pd.DataFrame({"x": np.arange(60.0), "visits": np.arange(60) % 7, "y": np.arange(60) % 2})
    data = load_dataset(frame, tasks={"visits": {"kind": "count"}, "y": {"kind": "binary"}})
    with pytest.raises(DesignError, match=f"losses.weighting: {weighting} needs losses above zero, and poisson"):
        compose(Design(losses=Losses(weighting=weighting)), data.schema)  # so that a search does not draw it
