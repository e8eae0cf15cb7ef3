"""Composes the graph of a design: inputs, levels, transfers, towers or critics, heads."""

from mtl_nas.architecture import Architecture
from mtl_nas.composition.funnel import funnel_root
from mtl_nas.composition.graph_builder import GraphBuilder
from mtl_nas.composition.heads import heads, predictions, transferred
from mtl_nas.composition.input_states import InputNodes
from mtl_nas.composition.level import LevelBuilder
from mtl_nas.composition.loss_checks import refuse_unsuitable_losses
from mtl_nas.composition.queries import Queries
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.errors import ArchitectureError, DesignError


def compose(design: Design, schema: Schema) -> Architecture:
    """Return the graph that a design describes on the tables of a schema.

    Args:
        design: where tasks share and where they part; it names no columns.
        schema: columns and tasks of a table, ``data.schema`` of a loaded data set.

    Returns:
        An immutable graph; equal structures have one ``key``.

    Raises:
        DesignError: the design does not fit the schema; the message says why and what to change.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-mmoe/0.5")
        >>> graph = mn.compose(mn.preset("mmoe", data.schema, experts=4), data.schema)
        >>> graph.tasks
        ('y1', 'y2')
    """
    if not (schema.categories or schema.numbers or schema.sequences):
        raise DesignError("the schema has no feature; a design needs a column to read")
    if design.losses.negatives < 1.0:
        funnel_root(schema)  # refuses tasks that are not one funnel
    refuse_unsuitable_losses(design.losses, schema)
    builder = GraphBuilder(design, schema)
    inputs = InputNodes(builder)
    states = inputs.states()
    queries = Queries(builder, inputs, features=states)
    for depth in range(len(design.levels)):
        states = LevelBuilder(builder, depth, states=states, query=queries.at(states, f"level{depth}/")).mixed()
    nodes = transferred(builder, {task.name: states[task][0] for task in builder.owners.tasks})
    tops = {task: (nodes[task.name],) for task in builder.owners.tasks}
    nodes = predictions(builder, nodes, query=queries.at({**states, **tops}, ""))
    try:
        return builder.architecture(heads(builder, nodes))
    except ArchitectureError as problem:
        raise DesignError(f"the design gives no valid graph: {problem}") from None
