"""The nodes that gates read to weigh experts."""

from collections.abc import Callable

from mtl_nas.blocks import Gate, Sum
from mtl_nas.composition.graph_builder import SHARED, GraphBuilder, Owner, OwnerStates
from mtl_nas.composition.input_states import InputNodes
from mtl_nas.design import GateOptions

Query = Callable[[GateOptions, Gate, Owner], tuple[str, ...]]  # the query's node, or () for a gate without a query


class Queries:
    """The queries of a graph's gates, by the option ``query`` of each gate."""

    def __init__(self, builder: GraphBuilder, inputs: InputNodes, features: OwnerStates) -> None:
        self.builder, self.inputs, self.features = builder, inputs, features

    def at(self, states: OwnerStates, prefix: str) -> Query:
        """Return the function that gives queries to gates above some states; added nodes have names with a prefix."""

        def query(options: GateOptions, gate: Gate, owner: Owner) -> tuple[str, ...]:
            return (self._node(options, owner, states, prefix),) if gate.has_query else ()

        return query

    def _node(self, options: GateOptions, owner: Owner, states: OwnerStates, prefix: str) -> str:
        if options.query == "fields":
            return self.inputs.fields_query(owner)
        own = states.get(owner, ()) if options.query != "features" else ()
        if len(own) != 1:
            return self.features[owner][0]
        shared = states.get(SHARED, ())
        if options.query == "state" or owner == SHARED or len(shared) != 1:
            return own[0]
        return self.builder.add(f"{prefix}joint{owner.suffix}", Sum(), own[0], shared[0])
