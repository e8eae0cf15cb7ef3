"""What mixes a level: where gates stand, which experts they see, what is added to them; stitches and routes."""

from typing import Any

import pytest
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Expert, Gate, Route, Stitch, Stop, Sum
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Gating, Inputs, Level, Routing, Stitching
from mtl_nas.errors import DesignError, MtlNasError
from mtl_nas.values import parse

PAIR, THREE = schema_of("click", "buy"), schema_of("click", "buy", "pay")
FAMILIES = schema_of("click@use", "like@use", "buy@money", "age")  # the last one is in none
IDENTITY = Expert(hidden=())
MIXINGS = (
    *(Gating(placement=placement) for placement in ("task", "expert", "family", "all", "none")),
    *(Stitching(), Routing()),
)


def word(mixing: Any) -> str:
    return getattr(mixing, "placement", mixing.by)


def reads(design: Design, schema: Schema) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in compose(design, schema).nodes}


def one_level(schema: Schema = PAIR, **options: Any) -> Architecture:
    return compose(Design(levels=(Level(**options),)), schema)


def two_levels(schema: Schema = PAIR, **options: Any) -> dict[str, tuple[str, ...]]:
    return reads(Design(levels=(Level(**options),) * 2), schema)


# Where gates stand


def test_each_expert_above_has_a_gate_of_its_own_and_each_task_one_at_the_last_level() -> None:
    inputs = two_levels(shared=2, mixing=Gating(placement="expert"))
    experts = ("level0/expert/0", "level0/expert/1")
    assert inputs["level0/gate/0"] == inputs["level0/gate/1"] == ("embedding", *experts)
    assert [inputs[f"level1/expert/{index}"] for index in (0, 1)] == [("level0/gate/0",), ("level0/gate/1",)]
    assert inputs["tower/buy"] == ("level1/gate/buy",)
    assert "level1/gate/0" not in inputs


def test_a_task_s_experts_have_gates_of_their_own_over_what_the_task_sees() -> None:
    inputs = two_levels(shared=1, specific=2, mixing=Gating(placement="expert"))
    seen = ("level0/expert/buy/0", "level0/expert/buy/1", "level0/expert/0")
    assert inputs["level0/gate/buy/0"] == inputs["level0/gate/buy/1"] == ("embedding", *seen)
    assert inputs["level1/expert/buy/1"] == ("level0/gate/buy/1",)
    assert inputs["level1/expert/0"] == ("level0/gate",)  # the only one has no number


def test_owners_with_several_states_ask_the_features() -> None:
    inputs = two_levels(shared=1, specific={"click": 2, "buy": 1}, mixing=Gating(placement="expert"))
    assert inputs["level1/gate/click"][0] == "embedding"
    assert inputs["level1/gate/buy"][0] == "level0/gate/buy"


@pytest.mark.parametrize("mixing", [Gating(placement="expert"), Routing()])
def test_a_task_may_be_named_as_a_number_is(mixing: Any) -> None:
    """Whose gate or route ``level0/gate/0`` is cannot be told by a name alone."""
    design = Design(levels=(Level(shared=2, mixing=mixing), Level(shared=2, specific=1)))
    turn = {"click": "0", "buy": "1"}
    words, digits = compose(design, PAIR), compose(design, schema_of("0", "1"))
    assert len(digits.nodes) == len(words.nodes)
    renamed = [head.model_copy(update={"task": turn[head.task]}) for head in words.heads]
    assert words.model_copy(update={"heads": tuple(renamed)}).key == digits.key


def test_a_family_has_a_gate_and_its_tasks_read_that() -> None:
    gating = Gating(placement="family")
    inputs = reads(Design(levels=(Level(shared=1, family=2, specific=1, mixing=gating),)), FAMILIES)
    own, shared = tuple(f"level0/family/use/{index}" for index in (0, 1)), ("level0/expert/0",)
    members = ("level0/expert/click/0", "level0/expert/like/0")
    assert inputs["level0/family/use/gate"] == ("embedding", *members, *own, *shared)
    assert inputs["tower/click"] == inputs["tower/like"] == ("level0/family/use/gate",)
    assert inputs["tower/buy"] == ("level0/family/money/gate",)


def test_a_task_without_a_family_is_alone_in_one() -> None:
    inputs = reads(Design(levels=(Level(family=1, specific=1),)), FAMILIES)
    assert inputs["level0/gate/age"] == ("embedding", "level0/expert/age/0", "level0/alone/age/0")
    assert inputs["level0/gate/click"][2] == inputs["level0/gate/like"][2] == "level0/family/use/0"


def test_a_task_without_a_family_joins_none_that_has_its_name() -> None:
    named = schema_of("click@age", "like@age", "age")
    inputs = reads(Design(levels=(Level(family=1, specific=1),)), named)
    assert inputs["level0/gate/age"] == ("embedding", "level0/expert/age/0", "level0/alone/age/0")
    assert inputs["level0/gate/click"][2] == inputs["level0/gate/like"][2] == "level0/family/age/0"


def test_without_any_family_experts_of_families_are_experts_of_tasks() -> None:
    family = one_level(family=2, shared=1)
    assert family.key == one_level(specific=2, shared=1).key


def test_families_then_tasks_read_their_own_states() -> None:
    """HoME: the second level's family experts read the family's state, a task's its family's."""
    first = Level(shared=1, family=1, mixing=Gating(placement="family"))
    inputs = reads(Design(levels=(first, Level(shared=1, family=1, specific=1))), FAMILIES)
    state = ("level0/family/use/gate",)
    assert inputs["level1/family/use/0"] == inputs["level1/expert/click/0"] == inputs["level1/expert/like/0"] == state
    assert inputs["level1/expert/0"] == ("level0/gate",)
    assert inputs["level1/gate/click"][0] == "level0/family/use/gate"


def test_the_shared_gate_sees_every_expert_or_the_shared_ones() -> None:
    rows = {"shared": 2, "specific": 1}
    inputs = two_levels(**rows)
    shared = ("level0/expert/0", "level0/expert/1")
    assert inputs["level0/gate"] == ("embedding", "level0/expert/click/0", "level0/expert/buy/0", *shared)
    inputs = two_levels(**rows, mixing=Gating(shared_sees="shared"))
    assert inputs["level0/gate"] == ("embedding", *shared)


def test_the_gate_of_a_family_sees_its_members_experts_or_shared_ones_alone() -> None:
    row = Level(shared=1, family=1, specific=1)
    seen = {}
    for sees in ("all", "shared"):
        level = row.model_copy(update={"mixing": Gating(shared_sees=sees)})
        seen[sees] = reads(Design(levels=(level, row)), FAMILIES)["level0/family/use/gate"][1:]
    assert seen["shared"] == ("level0/family/use/0", "level0/expert/0")
    assert seen["all"] == ("level0/expert/click/0", "level0/expert/like/0", *seen["shared"])


def test_a_shared_state_without_a_shared_expert_mixes_every_expert() -> None:
    gating = Gating(shared_sees="shared")
    inputs = reads(Design(levels=(Level(specific=1, mixing=gating), Level(shared=1, specific=1))), PAIR)
    assert inputs["level0/gate"] == ("embedding", "level0/expert/click/0", "level0/expert/buy/0")


# Which experts a task's gate sees


def test_a_gate_can_see_the_experts_of_all_tasks_in_one_order() -> None:
    architecture = one_level(FAMILIES, shared=1, family=1, specific=1, mixing=Gating(sees="all"))
    every = (
        *(f"level0/expert/{task}/0" for task in FAMILIES.task_names),
        *(f"level0/{family}/0" for family in ("family/use", "family/money", "alone/age")),
        "level0/expert/0",
    )
    assert {architecture.node(f"level0/gate/{task}").inputs for task in FAMILIES.task_names} == {("embedding", *every)}


def test_other_tasks_experts_can_be_read_without_training_them() -> None:
    architecture = one_level(FAMILIES, shared=1, family=1, specific=1, mixing=Gating(sees="all", stop_gradient=True))
    stopped = {node.name for node in architecture.nodes if isinstance(node.block, Stop)}
    own = {"level0/expert/click/0", "level0/family/use/0", "level0/expert/0"}
    inputs = set(architecture.node("level0/gate/click").inputs[1:])
    assert {name for name in inputs if not name.startswith("stop/")} == own
    assert inputs - own <= stopped
    assert architecture.node("stop/level0/expert/buy/0").inputs == ("level0/expert/buy/0",)
    assert len(stopped) == 4 + 3  # each but the shared one, once for all that read it


def test_gradients_are_stopped_only_where_other_tasks_experts_are_seen() -> None:
    for gating in (Gating(stop_gradient=True), Gating(stop_gradient=True, placement="all")):
        architecture = one_level(shared=1, specific=1, mixing=gating)
        assert not any(isinstance(node.block, Stop) for node in architecture.nodes)


# What is added to a gate


@pytest.mark.parametrize(
    ("residual", "own", "added"),
    [
        ("linear", 1, None),
        ("linear", 2, Gate(kind="linear")),
        ("gate", 1, Gate(kind="sigmoid", hidden=(3,), bias=True)),
        ("gate", 2, Gate(kind="softmax", hidden=(3,), bias=True)),
    ],
)
def test_own_experts_are_added_to_the_mixture(residual: Any, own: int, added: Gate | None) -> None:
    gating = Gating(sees="all", residual=residual, hidden=(3,), bias=True)
    architecture = one_level(specific=own, mixing=gating)
    experts = tuple(f"level0/expert/buy/{index}" for index in range(own))
    total = architecture.node("level0/sum/buy")
    assert total.block == Sum()
    assert architecture.node("tower/buy").inputs == ("level0/sum/buy",)
    if added is None:
        assert total.inputs == ("level0/gate/buy", *experts)  # one own expert, with weight one
        return
    assert total.inputs == ("level0/gate/buy", "level0/residual/buy")
    residue = architecture.node("level0/residual/buy")
    assert residue.block == added
    assert residue.inputs == (("embedding", *experts) if added.has_query else experts)


@pytest.mark.parametrize(
    ("counts", "learned"),
    [
        ({"specific": 1, "shared": 1}, False),
        ({"specific": 1, "shared": 1, "family": 1}, False),
        ({"specific": 1, "shared": 1, "family": 2}, True),
        ({"specific": 1, "shared": 2}, True),
        ({"specific": {"click": 2, "buy": 1}, "shared": 1}, True),
        ({"specific": {"click": 2, "buy": 1}}, False),
    ],
)
def test_a_lone_own_expert_beside_shared_ones_has_weight_one_where_every_owner_has_one(
    counts: dict[str, Any], learned: bool
) -> None:
    architecture = one_level(mixing=Gating(sees="all", residual="linear"), **counts)
    added = architecture.node("level0/sum/buy").inputs[1]
    assert added == ("level0/residual/buy" if learned else "level0/expert/buy/0")
    if learned:
        assert architecture.node(added).block == Gate(kind="linear")
        assert architecture.node(added).inputs == ("level0/expert/buy/0",)


def test_who_has_no_expert_of_its_own_adds_nothing() -> None:
    inputs = reads(Design(levels=(Level(shared=2, specific={"buy": 1}, mixing=Gating(residual="linear")),)), PAIR)
    assert inputs["tower/click"] == ("level0/gate/click",)
    assert inputs["tower/buy"] == ("level0/sum/buy",)


def test_states_of_experts_above_each_get_their_residual() -> None:
    gating = Gating(placement="expert", residual="gate")
    inputs = two_levels(shared=2, mixing=gating)
    assert inputs["level0/sum/1"] == ("level0/gate/1", "level0/residual/1")
    assert inputs["level1/expert/1"] == ("level0/sum/1",)


# Kinds of gate


@pytest.mark.parametrize(
    ("gating", "block"),
    [
        (Gating(kind="top_k", top=2), Gate(kind="top_k", top=2)),
        (Gating(kind="top_k", top=3), Gate()),  # all of them
        (Gating(kind="top_k", top=9, hidden=(4,)), Gate(hidden=(4,))),
        (Gating(kind="softmax", top=1), Gate()),
        (Gating(kind="sigmoid", top=1, bias=True, temperature=2.0), Gate(kind="sigmoid", bias=True, temperature=2.0)),
        (Gating(kind="static", hidden=(4,), bias=True, temperature=2.0), Gate(kind="static")),
        (Gating(kind="sigmoid", placement="none", hidden=(4,)), Gate(kind="mean")),
    ],
)
def test_a_gate_is_of_its_kind_without_options_that_change_nothing(gating: Gating, block: Gate) -> None:
    architecture = one_level(shared=3, mixing=gating)
    node = architecture.node("level0/gate/buy")
    assert node.block == block
    assert node.inputs[-3:] == tuple(f"level0/expert/{index}" for index in range(3))
    assert len(node.inputs) == 3 + block.has_query


@pytest.mark.parametrize("kind", ["softmax", "top_k", "static"])
def test_weights_of_one_expert_that_sum_to_one_are_no_gate(kind: Any) -> None:
    names = [node.name for node in one_level(shared=1, mixing=Gating(kind=kind)).nodes]
    assert names == ["embedding", "level0/expert/0", "tower/click", "tower/buy"]


def test_a_sigmoid_over_one_expert_stays() -> None:
    architecture = one_level(shared=1, mixing=Gating(kind="sigmoid"))
    assert architecture.node("level0/gate/buy").inputs == ("embedding", "level0/expert/0")
    assert architecture.node("level0/gate/buy").block == Gate(kind="sigmoid")


def test_tied_gates_of_tasks_share_weights_and_the_shared_one_keeps_its_own() -> None:
    tied = compose(Design(levels=(Level(shared=2, mixing=Gating(tied=True)),) * 2), PAIR)
    assert {node.name: node.tied for node in tied.nodes if isinstance(node.block, Gate)} == {
        "level0/gate": "",
        **{f"level{depth}/gate/{task}": f"level{depth}/gate" for depth in (0, 1) for task in ("click", "buy")},
    }
    free = compose(Design(levels=(Level(shared=2),) * 2), PAIR)
    saved = free.widths["embedding"] * 2 + 16 * 2  # a set a level, of a query by two experts
    assert (free.parameters - tied.parameters, free.macs) == (saved, tied.macs)


def test_a_mean_has_no_weights_to_tie() -> None:
    assert not any(node.tied for node in one_level(shared=2, mixing=Gating(placement="none", tied=True)).nodes)


# Experts that do nothing


@pytest.mark.parametrize("mixing", MIXINGS, ids=word)
def test_identity_experts_leave_no_node(mixing: Any) -> None:
    """All of them are what they read, so that one stays; shared features need neither gate nor stitch."""
    specific = {"specific": 1} if isinstance(mixing, Stitching) else {"shared": 3, "specific": 1}
    architecture = one_level(expert=IDENTITY, mixing=mixing, **specific)
    names = [node.name for node in architecture.nodes if not isinstance(node.block, Route)]
    assert names == ["embedding", "tower/click", "tower/buy"]


def test_identity_experts_over_states_of_tasks_are_those_states() -> None:
    """A level that mixes and computes nothing else."""
    levels = (Level(shared=1, specific=1), Level(specific=3, expert=IDENTITY, mixing=Gating(sees="all")))
    inputs = reads(Design(levels=levels), PAIR)
    states = ("level0/gate/click", "level0/gate/buy")
    assert inputs["level1/gate/click"] == ("level0/gate/click", *states)
    assert not any(name.startswith("level1/expert") for name in inputs)


def test_one_state_for_each_identity_expert_above_stays_apart() -> None:
    levels = (Level(shared=2, mixing=Gating(placement="expert")), Level(shared=2, expert=IDENTITY))
    inputs = reads(Design(levels=levels), PAIR)
    assert inputs["level1/gate/buy"][1:] == ("level0/gate/0", "level0/gate/1")


def test_layers_other_than_hidden_ones_make_an_expert() -> None:
    for expert in (Expert(hidden=(), cross=1), Expert(hidden=(), feature_gate=2)):
        architecture = one_level(shared=1, expert=expert)
        assert architecture.node("level0/expert/0").block == expert
        assert architecture.widths["level0/expert/0"] == architecture.widths["embedding"]


# Stitches


@pytest.mark.parametrize("channelwise", [False, True])
def test_a_stitch_reads_its_own_state_before_the_others(channelwise: bool) -> None:
    architecture = one_level(THREE, specific=1, mixing=Stitching(channelwise=channelwise))
    node = architecture.node("level0/stitch/buy")
    assert node.block == Stitch(channelwise=channelwise)
    assert node.inputs == ("level0/expert/buy/0", "level0/expert/click/0", "level0/expert/pay/0")
    assert architecture.node("tower/buy").inputs == ("level0/stitch/buy",)


def test_stitched_trunks_go_on_a_task_each() -> None:
    inputs = two_levels(specific=1, mixing=Stitching())
    assert inputs["level1/expert/buy/0"] == ("level0/stitch/buy",)
    assert "level0/gate" not in inputs


def test_shared_experts_above_a_stitch_read_the_mean_of_the_trunks_and_families_that_of_their_members() -> None:
    levels = (Level(specific=1, mixing=Stitching()), Level(shared=1, family=1, specific=1))
    architecture = compose(Design(levels=levels), FAMILIES)
    trunks = {task: f"level0/stitch/{task}" for task in FAMILIES.task_names}
    for name, read in (
        ("level0/gate", tuple(trunks.values())),
        ("level0/family/use/gate", (trunks["click"], trunks["like"])),
    ):
        assert architecture.node(name).block == Gate(kind="mean")
        assert architecture.node(name).inputs == read
    assert architecture.node("level1/expert/0").inputs == ("level0/gate",)
    assert architecture.node("level1/family/use/0").inputs == ("level0/family/use/gate",)
    assert architecture.node("level1/family/money/0").inputs == ("level0/stitch/buy",)  # its only member


def test_one_task_has_nobody_to_be_stitched_to() -> None:
    names = [node.name for node in one_level(schema_of("click"), specific=1, mixing=Stitching()).nodes]
    assert names == ["embedding", "level0/expert/click/0", "tower/click"]


# Routes


@pytest.mark.parametrize("transform", [True, False])
def test_every_expert_above_and_every_tower_reads_all_experts_through_routes(transform: bool) -> None:
    routing = Routing(transform=transform, penalty=0.5)
    architecture = compose(Design(levels=(Level(shared=2, specific={"buy": 1}, mixing=routing),) * 2), PAIR)
    every = ("level0/expert/buy/0", "level0/expert/0", "level0/expert/1")
    for reader in ("0", "1", "buy/0"):
        assert architecture.node(f"level0/route/{reader}").inputs == every
        assert architecture.node(f"level0/route/{reader}").block == Route(transform=transform, penalty=0.5)
        assert architecture.node(f"level1/expert/{reader}").inputs == (f"level0/route/{reader}",)
    assert architecture.node("tower/click").inputs == ("level1/route/click",)
    assert architecture.node("level1/route/click").inputs == tuple(name.replace("level0", "level1") for name in every)


def test_a_route_from_one_expert_stays_as_it_can_close() -> None:
    assert one_level(shared=1, mixing=Routing()).node("level0/route/buy").inputs == ("level0/expert/0",)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"specific": 2, "mixing": {"by": "stitch"}},
            "a stitch joins one expert of each task, got shared=0, family=0, specific=2; say specific=1 and no other",
        ),
        (
            {"specific": 1, "shared": 1, "mixing": {"by": "stitch"}},
            "a stitch joins one expert of each task, got shared=1, family=0, specific=1; say specific=1 and no other",
        ),
        (
            {"specific": {"click": 1, "buy": 2}, "mixing": {"by": "stitch"}},
            "a stitch joins one expert of each task, got shared=0, family=0, specific={'click': 1, 'buy': 2}; "
            "say specific=1 and no other",
        ),
        (
            {"specific": 1, "family": 1, "mixing": {"by": "stitch"}},
            "a stitch joins one expert of each task, got shared=0, family=1, specific=1; say specific=1 and no other",
        ),
        ({"family": 0}, "a level needs an expert for every task, got shared=0 and specific=0; raise one of them"),
    ],
)
def test_a_level_that_no_task_could_use_is_refused_when_it_is_written(options: Any, message: str) -> None:
    with pytest.raises(MtlNasError) as problem:
        parse(Design, {"levels": [options]}, "design")
    assert str(problem.value) == f"design: levels.0: {message}"


@pytest.mark.parametrize("mixing", [{"by": "stich"}, {"by": 3}, 3, None, "stitch", []])
def test_an_unknown_mixing_lists_those_there_are(mixing: Any) -> None:
    with pytest.raises(MtlNasError) as problem:
        parse(Design, {"levels": [{"specific": 1, "mixing": mixing}]}, "design")
    rule = "a level is mixed by: gates, by: stitch or by: routing"
    assert str(problem.value) == f"design: levels.0.mixing: {rule}, got {mixing!r}"


@pytest.mark.parametrize(
    ("mixing", "message"),
    [
        ({"placement": "tasks"}, "input should be 'task', 'expert', 'family', 'all' or 'none', got 'tasks'"),
        ({"by": "gates", "sees": "none"}, "input should be 'own' or 'all', got 'none'"),
        ({"residual": "yes"}, "input should be 'none', 'linear' or 'gate', got 'yes'"),
        ({"kind": "mean"}, "input should be 'softmax', 'top_k', 'sigmoid' or 'static', got 'mean'"),
        ({"by": "routing", "penalty": -1.0}, "input should be greater than or equal to 0, got -1.0"),
    ],
)
def test_an_unknown_option_value_is_named(mixing: dict[str, Any], message: str) -> None:
    with pytest.raises(MtlNasError) as problem:
        parse(Design, {"levels": [{"specific": 1, "mixing": mixing}]}, "design")
    assert str(problem.value).endswith(message)


@pytest.mark.parametrize("by", ["gates", "stitch", "routing"])
def test_a_mixing_is_what_its_word_says(by: str) -> None:
    level = Level.model_validate({"specific": 1, "mixing": {"by": by}})
    assert level.mixing == {"gates": Gating(), "stitch": Stitching(), "routing": Routing()}[by]
    assert Level.model_validate_json(level.model_dump_json()) == level


@pytest.mark.parametrize(
    ("level", "message"),
    [
        (
            Level(specific={"click": 1}, mixing=Stitching()),
            "levels.0 leaves task 'buy' without an expert to stitch",
        ),
        (
            Level(specific={"click": 1}, mixing=Gating(placement="expert")),
            "levels.0 leaves task 'buy' without an expert: no specific one, no shared one",
        ),
        (
            Level(shared=1, specific={"click": 2, "buy": 1}, mixing=Gating(tied=True)),
            "the design gives no valid graph: nodes 'level0/gate/click' and 'level0/gate/buy' share the weights "
            "'level0/gate', but differ in block or widths",
        ),
    ],
)
def test_a_level_that_does_not_fit_the_tasks_says_why(level: Level, message: str) -> None:
    with pytest.raises(DesignError) as problem:
        compose(Design(levels=(level,)), PAIR)
    assert str(problem.value) == message


def test_experts_of_a_family_are_enough_for_its_tasks() -> None:
    assert one_level(FAMILIES, family=1).tasks == FAMILIES.task_names


@pytest.mark.parametrize("tables", ["shared", "task"])
@pytest.mark.parametrize("mixing", MIXINGS, ids=word)
def test_every_mixing_stands_below_and_above_every_other(mixing: Any, tables: Any) -> None:
    def level(one: Any) -> Level:
        return Level(specific=1, shared=0 if isinstance(one, Stitching) else 1, mixing=one)

    for other in MIXINGS:
        for schema in (schema_of("click"), FAMILIES):
            design = Design(inputs=Inputs(tables=tables), levels=(level(mixing), level(other)))
            assert compose(design, schema).tasks == schema.task_names
