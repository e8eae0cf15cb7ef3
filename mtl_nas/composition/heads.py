"""The nodes above the levels: transfers between tasks, towers or critics, products of a funnel, heads."""

from itertools import pairwise

import networkx as nx

from mtl_nas.architecture import Head
from mtl_nas.blocks import Layers, Product, Thresholds, Tower
from mtl_nas.composition.graph_builder import GraphBuilder, Owner
from mtl_nas.composition.member_nodes import member_tower
from mtl_nas.composition.queries import Query
from mtl_nas.data import Task
from mtl_nas.design import Critics, Transfers
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

NodeOf = dict[str, str]  # task -> node


def transferred(builder: GraphBuilder, states: NodeOf) -> NodeOf:
    """The node of every task's state after the transfers; a link reads its source after the source's own transfer."""
    transfers, tasks = builder.design.transfers, list(states)
    if transfers.links == "none":
        return states
    graph = _links(transfers, tasks)
    block = transfers.transfer
    if sum(degree > 0 for _, degree in graph.in_degree()) == 1:  # a lone transfer shares its maps with no other
        block = block.model_copy(update={"share": True})
    states = dict(states)
    for task in nx.lexicographical_topological_sort(graph, key=tasks.index):
        sources = [states[source] for source in tasks if graph.has_edge(source, task)]
        if sources:
            states[task] = builder.add(f"transfer/{task}", block, states[task], *sources)
    return states


def _links(transfers: Transfers, tasks: list[str]) -> "nx.DiGraph[str]":
    pairs = pairwise(tasks) if isinstance(transfers.links, str) else transfers.links
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(tasks)
    for source, target in pairs:
        for task in (source, target):
            if task not in tasks:
                raise DesignError(
                    f"transfers.links names task '{task}', which the data does not have{nearest(task, tasks)}"
                )
        graph.add_edge(source, target)
    if not nx.is_directed_acyclic_graph(graph):
        cycle = nx.find_cycle(graph)
        circle = " -> ".join([cycle[0][0], *(target for _, target in cycle)])
        raise DesignError(f"transfers.links run in a circle: {circle}; take one link out")
    return graph


def predictions(builder: GraphBuilder, states: NodeOf, *, query: Query) -> NodeOf:
    """The node with the natural parameters of every task: its tower, a gate over critics, or thresholds above them."""
    design, nodes = builder.design, {}
    for task in builder.schema.tasks:
        outputs = 1 if task.rules.is_cumulative else task.outputs
        if design.critics is None:
            tower = member_tower(builder, _tower(design.tower, outputs), states[task.name])
            node = builder.add(f"tower/{task.name}", tower, states[task.name])
        else:
            critic = member_tower(builder, _tower(design.critics.critic, outputs), *states.values())
            node = _critics(builder, design.critics, task, critic=critic, state=states[task.name], query=query)
        if task.rules.is_cumulative:
            node = builder.add(f"thresholds/{task.name}", Thresholds(outputs=task.outputs), node)
        nodes[task.name] = node
    return nodes


def heads(builder: GraphBuilder, nodes: NodeOf) -> list[Head]:
    """One head per task; where probabilities multiply along a funnel, also one per conditional probability."""
    read: list[Head] = []
    factors: dict[str, tuple[str, ...]] = {}
    for task in builder.schema.tasks:
        node, negatives = nodes[task.name], builder.design.losses.negatives
        factors[task.name] = (*factors.get(task.after or "", ()), node)
        if builder.design.funnel == "direct" or task.after is None:
            read.append(Head(task=task.name, node=node, kind=task.kind, negatives=negatives))
            continue
        product = builder.add(f"product/{task.name}", Product(), *factors[task.name])
        read.append(Head(task=task.name, node=product, kind=task.kind, negatives=negatives))
        read.append(Head(task=task.name, node=node, kind=task.kind, given=task.after))
    return read


def _critics(builder: GraphBuilder, critics: Critics, task: Task, *, critic: Tower, state: str, query: Query) -> str:
    # tasks of one kind and width share critics
    kind = "" if task.rules.is_event else f"{task.kind}/{critic.outputs}/"
    experts = [
        builder.add(f"critic/{task.name}/{index}", critic, state, tied=f"critic/{kind}{index}", role="critics")
        for index in range(critics.count)
    ]
    if len(experts) == 1:
        return experts[0]
    gate = critics.gate.block_over(len(experts)).model_copy(update={"mixes": task.rules.averages})
    inputs = (*query(critics.gate, gate, Owner("task", task.name)), *experts)
    tied = f"critics/gate/{kind}{gate.mixes}" if critics.gate.tied else ""
    return builder.add(f"critics/gate/{task.name}", gate, *inputs, tied=tied, role="critics")


def _tower(layers: Layers, outputs: int) -> Tower:
    """Return a tower with hidden layers; without any, the options of layers have no effect and their defaults."""
    options = layers if layers.hidden else Layers()
    return Tower.model_validate({**{name: getattr(options, name) for name in Layers.model_fields}, "outputs": outputs})
