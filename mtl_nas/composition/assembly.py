"""The walk from inputs to heads."""

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Sum
from mtl_nas.composition.features import features, fields_query
from mtl_nas.composition.funnel import funnel_root
from mtl_nas.composition.graph_builder import SHARED, Owner, Owners, Sheet, States
from mtl_nas.composition.heads import heads, predictions, transferred
from mtl_nas.composition.levels import Ask, LevelWriter
from mtl_nas.composition.loss_checks import refuse_unfit_losses
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Weighing
from mtl_nas.errors import ArchitectureError, DesignError


def compose(design: Design, schema: Schema) -> Architecture:
    """The graph that the design spells on the schema; a DesignError where it cannot."""
    if not (schema.categories or schema.numbers or schema.sequences):
        raise DesignError("the schema has no feature; a design needs a column to read")
    if design.losses.negatives < 1.0:
        funnel_root(schema)  # refuses tasks that are not one funnel
    refuse_unfit_losses(design.losses, schema)
    sheet, owners = Sheet(), Owners(schema)
    below = features(sheet, design.inputs, schema, owners)
    states = below
    for depth, level in enumerate(design.levels):
        above = design.levels[depth + 1] if depth + 1 < len(design.levels) else None
        ask = _asking(sheet, design, schema, features=below, states=states, depth=f"level{depth}/")
        states = LevelWriter(sheet, owners, level, depth, states=states, above=above, ask=ask).mixed()
    tops = {task.name: states[task][0] for task in owners.tasks}
    tops = transferred(sheet, design.transfers, tops)
    own = {task: (tops[task.name],) for task in owners.tasks}
    ask = _asking(sheet, design, schema, features=below, states={**states, **own}, depth="")
    nodes = predictions(sheet, design, schema, tops, ask)
    try:
        return sheet.architecture(heads(sheet, design, schema, nodes))
    except ArchitectureError as problem:
        raise DesignError(f"the design is no graph: {problem}") from None


def _asking(sheet: Sheet, design: Design, schema: Schema, *, features: States, states: States, depth: str) -> Ask:
    """What gates at one depth ask."""

    def asked(weighing: Weighing, owner: Owner) -> str:
        if weighing.query == "fields":
            return fields_query(sheet, design.inputs, schema, owner)
        found = states.get(owner, ()) if weighing.query != "features" else ()
        if len(found) != 1:
            return features[owner][0]
        if weighing.query == "state" or owner == SHARED:
            return found[0]
        shared = states.get(SHARED, ())
        if len(shared) != 1:
            return found[0]
        return sheet.add(f"{depth}joint{owner.suffix}", Sum(), found[0], shared[0])

    return asked
