"""A design and a schema -> the graph of one model.

What computes nothing is left out: a gate over one expert is that expert, nodes that reach no head are dropped, options
that change nothing stand at their defaults. So what is the same by structure has one key.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import networkx as nx

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import Block, Concat, Embedding, Product, Tower, Vocabulary
from mtl_nas.blocks import Sequence as SequenceBlock
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design, Level
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

SHARED = None  # the owner of what belongs to no task
Owner = str | None
States = dict[Owner, str]


def compose(design: Design, schema: Schema) -> Architecture:
    """The graph that the design spells on the schema; a DesignError where it cannot."""
    nodes: list[Node] = []

    def add(name: str, block: Block, *inputs: str) -> str:
        nodes.append(Node(name=name, block=block, inputs=inputs))
        return name

    if not (schema.categories or schema.numbers or schema.sequences):
        raise DesignError("the schema has no feature; a design needs a column to read")
    tasks = schema.task_names
    features = _features(add, design, schema)
    states = dict(features)
    for depth, level in enumerate(design.levels):
        states = _level(add, level, depth, states, features, tasks, last=depth == len(design.levels) - 1)
    states = _transferred(add, design, states, tasks)
    tower = design.tower if design.tower.hidden else Tower()  # options of no layer are none
    logits = {
        task.name: add(f"tower/{task.name}", tower.model_copy(update={"outputs": task.outputs}), states[task.name])
        for task in schema.tasks
    }
    heads = _heads(add, design, schema, logits)
    return _pruned(nodes, heads)


Add = Callable[..., str]


def _features(add: Add, design: Design, schema: Schema) -> States:
    inputs = design.inputs
    block = Embedding(
        categories=tuple(Vocabulary(name=column.name, size=column.size) for column in schema.categories),
        numbers=tuple(column.name for column in schema.numbers),
        missing=tuple(column.name for column in schema.numbers if column.missing),
        width=inputs.embedding,
        encoding=inputs.numbers if schema.numbers else "standard",
        buckets=inputs.buckets if inputs.numbers in ("bucket", "piecewise") and schema.numbers else 32,
    )
    if not block.rows:  # no table, so nothing has that width
        block = block.model_copy(update={"width": Embedding().width})
    if inputs.tables == "shared" or not (block.rows or schema.sequences):
        node = _features_of(add, block, schema, inputs.embedding, "")
        return dict.fromkeys((SHARED, *schema.task_names), node)
    owners: tuple[Owner, ...] = (SHARED, *schema.task_names)
    return {
        owner: _features_of(add, block, schema, inputs.embedding, "" if owner is SHARED else f"/{owner}")
        for owner in owners
    }


def _features_of(add: Add, block: Embedding, schema: Schema, width: int, owner: str) -> str:
    parts = [add(f"embedding{owner}", block)] if block.categories or block.numbers else []
    for sequence in schema.sequences:
        reader = SequenceBlock(name=sequence.name, sizes=sequence.sizes, length=sequence.length, width=width)
        parts.append(add(f"sequence/{sequence.name}{owner}", reader))
    return parts[0] if len(parts) == 1 else add(f"features{owner}", Concat(), *parts)


def _level(
    add: Add, level: Level, depth: int, states: States, features: States, tasks: Sequence[str], *, last: bool
) -> States:
    place = f"level{depth}"
    _check_tasks(level, depth, tasks)
    shared = [add(f"{place}/expert/{index}", level.expert, states[SHARED]) for index in range(level.shared)]
    own = {
        task: [
            add(f"{place}/expert/{task}/{index}", level.expert, states[task])
            for index in range(level.specific_of(task))
        ]
        for task in tasks
    }
    every = [expert for task in tasks for expert in own[task]] + shared

    def mix(name: str, experts: list[str], owner: Owner) -> str:
        if len(experts) == 1:
            return experts[0]
        query = features[owner] if level.gate.query == "features" else states[owner]
        return add(name, level.gate.block, *((query,) if level.gate.block.asks else ()), *experts)

    if level.gate.placement == "all":
        state = mix(f"{place}/gate", every, SHARED)
        return dict.fromkeys(states, state)
    mixed: States = {}
    for task in tasks:
        seen = every if level.gate.sees == "all" else own[task] + shared
        if not seen:
            raise DesignError(f"levels.{depth} leaves task '{task}' without an expert: no specific one, no shared one")
        mixed[task] = mix(f"{place}/gate/{task}", seen, task)
    if not last:
        mixed[SHARED] = mix(f"{place}/gate", every, SHARED)
    return mixed


def _check_tasks(level: Level, depth: int, tasks: Sequence[str]) -> None:
    for task in level.specific if not isinstance(level.specific, int) else ():
        if task not in tasks:
            raise DesignError(
                f"levels.{depth}.specific names task '{task}', which the data has not{nearest(task, tasks)}"
            )


def _transferred(add: Add, design: Design, states: States, tasks: Sequence[str]) -> States:
    links = design.transfers.links
    if links == "none":
        return states
    pairs = list(pairwise(tasks)) if links == "chain" else [(str(source), str(target)) for source, target in links]
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(tasks)
    for source, target in pairs:
        for task in (source, target):
            if task not in tasks:
                raise DesignError(f"transfers.links names task '{task}', which the data has not{nearest(task, tasks)}")
        graph.add_edge(source, target)
    if not nx.is_directed_acyclic_graph(graph):
        cycle = nx.find_cycle(graph)
        circle = " -> ".join([cycle[0][0], *(target for _, target in cycle)])
        raise DesignError(f"transfers.links run in a circle: {circle}; take one link out")
    transfer = design.transfers.transfer
    if sum(degree > 0 for _, degree in graph.in_degree()) == 1:  # it shares its maps with nobody
        transfer = transfer.model_copy(update={"share": True})
    states = dict(states)
    for task in nx.lexicographical_topological_sort(graph, key=list(tasks).index):
        sources = [states[source] for source in tasks if graph.has_edge(source, task)]
        if sources:
            states[task] = add(f"transfer/{task}", transfer, states[task], *sources)
    return states


def _heads(add: Add, design: Design, schema: Schema, logits: dict[str, str]) -> list[Head]:
    heads: list[Head] = []
    factors: dict[str, tuple[str, ...]] = {}
    for task in schema.tasks:
        factors[task.name] = (*factors.get(task.after or "", ()), logits[task.name])
        if design.funnel == "direct" or task.after is None:
            heads.append(Head(task=task.name, node=logits[task.name], kind=task.kind))
            continue
        node = add(f"product/{task.name}", Product(), *factors[task.name])
        heads.append(Head(task=task.name, node=node, kind=task.kind))
        heads.append(Head(task=task.name, node=logits[task.name], kind=task.kind, given=task.after))
    return heads


def _pruned(nodes: Sequence[Node], heads: Sequence[Head]) -> Architecture:
    needed = {head.node for head in heads}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return Architecture(nodes=tuple(node for node in nodes if node.name in needed), heads=tuple(heads))
