"""From states to predictions: transfers between tasks, towers or critics, funnels, heads."""

from itertools import pairwise

import networkx as nx

from mtl_nas.architecture import Head
from mtl_nas.blocks import Layers, Product, Thresholds, Tower
from mtl_nas.composition.graph_builder import Owner, Sheet
from mtl_nas.composition.levels import Ask
from mtl_nas.data.schema import Schema, Task
from mtl_nas.design import Critics, Design, Transfers
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

Nodes = dict[str, str]  # task -> node


def transferred(sheet: Sheet, transfers: Transfers, states: Nodes) -> Nodes:
    """States after every link, each from the states before it that are already transferred."""
    if transfers.links == "none":
        return states
    tasks = list(states)
    pairs = pairwise(tasks) if transfers.links == "chain" else ((str(one), str(two)) for one, two in transfers.links)
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
    block = transfers.transfer
    if sum(degree > 0 for _, degree in graph.in_degree()) == 1:  # it shares its maps with nobody
        block = block.model_copy(update={"share": True})
    states = dict(states)
    for task in nx.lexicographical_topological_sort(graph, key=tasks.index):
        sources = [states[source] for source in tasks if graph.has_edge(source, task)]
        if sources:
            states[task] = sheet.add(f"transfer/{task}", block, states[task], *sources)
    return states


def predictions(sheet: Sheet, design: Design, schema: Schema, states: Nodes, ask: Ask) -> Nodes:
    """Natural parameters of every task: from its tower, or from critics that gates mix."""
    found: Nodes = {}
    for task in schema.tasks:
        outputs = 1 if task.rules.is_cumulative else task.outputs
        if design.critics is None:
            tower = Tower.model_validate({**_plain(design.tower), "outputs": outputs})
            node = sheet.add(f"tower/{task.name}", tower, states[task.name])
        else:
            node = _criticised(sheet, design.critics, task, outputs, states[task.name], ask)
        if task.rules.is_cumulative:
            node = sheet.add(f"thresholds/{task.name}", Thresholds(outputs=task.outputs), node)
        found[task.name] = node
    return found


def heads(sheet: Sheet, design: Design, schema: Schema, nodes: Nodes) -> list[Head]:
    """A head a task; in a funnel of products, conditional ones beside them."""
    found: list[Head] = []
    factors: dict[str, tuple[str, ...]] = {}
    for task in schema.tasks:
        factors[task.name] = (*factors.get(task.after or "", ()), nodes[task.name])
        if design.funnel == "direct" or task.after is None:
            found.append(_head(design, task, nodes[task.name]))
            continue
        found.append(_head(design, task, sheet.add(f"product/{task.name}", Product(), *factors[task.name])))
        found.append(Head(task=task.name, node=nodes[task.name], kind=task.kind, given=task.after))
    return found


def _head(design: Design, task: Task, node: str) -> Head:
    return Head(task=task.name, node=node, kind=task.kind, negatives=design.losses.negatives)


def _criticised(sheet: Sheet, critics: Critics, task: Task, outputs: int, state: str, ask: Ask) -> str:
    critic = Tower.model_validate({**_plain(critics.critic), "outputs": outputs})
    kind = "" if task.rules.is_event else f"{task.kind}/{outputs}/"  # tasks of one kind and width share critics
    each = [
        sheet.add(f"critic/{task.name}/{index}", critic, state, tied=f"critic/{kind}{index}", role="critics")
        for index in range(critics.count)
    ]
    if len(each) == 1:
        return each[0]
    gate = critics.gate.block_over(len(each)).model_copy(update={"mixes": task.rules.averages})
    owner = Owner("task", task.name)
    query = (ask(critics.gate, owner),) if gate.has_query else ()
    tied = f"critics/gate/{kind}{gate.mixes}" if critics.gate.tied else ""
    return sheet.add(f"critics/gate/{task.name}", gate, *query, *each, tied=tied, role="critics")


def _plain(layers: Layers) -> dict[str, object]:
    """Options of hidden layers; without any layer they are none."""
    fields = layers if layers.hidden else Layers()
    return {name: getattr(fields, name) for name in Layers.model_fields}
