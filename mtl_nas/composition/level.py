"""One level of a graph: the experts of every owner, and the states that the experts or towers above read."""

from collections.abc import Callable, Iterable

from mtl_nas.blocks import Gate, Stop, Sum
from mtl_nas.composition.graph_builder import SHARED, GraphBuilder, Owner, OwnerStates
from mtl_nas.composition.member_nodes import member_expert
from mtl_nas.composition.queries import Query
from mtl_nas.design import Gating, Level, Routing, Stitching
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

Names = list[str]


class LevelBuilder:
    """Adds one level of a design to the graph, above given states."""

    def __init__(self, builder: GraphBuilder, depth: int, *, states: OwnerStates, query: Query) -> None:
        levels = builder.design.levels
        self.builder, self.owners, self.level, self.depth = builder, builder.owners, levels[depth], depth
        self.above = levels[depth + 1] if depth + 1 < len(levels) else None
        self.states, self.query = states, query
        _check_tasks(self.level, depth, [task.name for task in self.owners.tasks])
        self.experts = {owner: self._experts(owner) for owner in self.owners.all}
        owners = (*self.owners.tasks, *self.owners.families, SHARED)
        self.all_experts = _distinct(name for owner in owners for name in self.experts[owner])

    def mixed(self) -> OwnerStates:
        """The states above the level."""
        mixing = self.level.mixing
        if isinstance(mixing, Stitching):
            return self._stitched(mixing)
        if isinstance(mixing, Routing):
            return self._for_readers(lambda owner, index: self._route(mixing, owner, index))
        if mixing.placement == "all":
            state = self._gate(mixing, self._name("gate", SHARED), self.all_experts, SHARED)
            return dict.fromkeys(self.owners.all, (state,))
        if mixing.placement == "expert":
            return self._for_readers(lambda owner, index: self._gated(mixing, owner, index))
        states: OwnerStates = {owner: (self._gated(mixing, owner),) for owner in self._gate_owners(mixing)}
        if mixing.placement == "family":
            states |= {task: states[self.owners.family(task)] for task in self.owners.tasks}
        return states

    def _gate_owners(self, gating: Gating) -> tuple[Owner, ...]:
        """The owners that get a gate each; gates that nothing reads are dropped when the graph is complete."""
        if self.above is not None:
            return tuple(owner for owner in self.owners.all if owner.kind != "task" or gating.placement != "family")
        return self.owners.families if gating.placement == "family" else self.owners.tasks

    def _experts(self, owner: Owner) -> Names:
        family = owner.kind == "family"
        prefix = f"level{self.depth}{owner.suffix}" if family else f"level{self.depth}/expert{owner.suffix}"
        below, block = self.states[owner], self.level.expert
        inputs = [below[min(index, len(below) - 1)] for index in range(_count(self.level, owner))]
        if not block.computes:
            return _distinct(inputs)
        return [
            self.builder.add(f"{prefix}/{index}", member_expert(self.builder, block, state), state)
            for index, state in enumerate(inputs)
        ]

    def _for_readers(self, state: Callable[[Owner, str], str]) -> OwnerStates:
        """One state per expert of the level above, or per tower; ``state`` adds it for an owner and a name's ending."""
        if self.above is None:
            return {task: (state(task, ""),) for task in self.owners.tasks}
        mixed: OwnerStates = {}
        # if any name ends in a number, all do: a task may be named "0"
        several = _count(self.above, SHARED) > 1
        for owner in self.owners.all:
            count = max(_count(self.above, owner), 1)
            mixed[owner] = tuple(state(owner, f"/{index}" if several or count > 1 else "") for index in range(count))
        return mixed

    def _route(self, routing: Routing, owner: Owner, index: str) -> str:
        return self.builder.add(self._name("route", owner, index), routing.block, *self.all_experts)

    def _gated(self, gating: Gating, owner: Owner, index: str = "") -> str:
        """The mixture of the experts that the owner sees, plus the residual of its own experts."""
        seen = self._seen(gating, owner)
        if not seen:
            raise DesignError(
                f"levels.{self.depth} leaves task '{owner.name}' without an expert: no specific one, no shared one"
            )
        state = self._gate(gating, self._name("gate", owner, index), seen, owner)
        own = self.experts[owner]
        if gating.residual == "none" or not own:
            return state
        return self.builder.add(self._name("sum", owner, index), Sum(), state, self._residual(gating, owner, index))

    def _residual(self, gating: Gating, owner: Owner, index: str) -> str:
        own, name = self.experts[owner], self._name("residual", owner, index)
        if gating.residual == "linear" and len(own) == 1 and not self._learns_own_weight:
            return own[0]
        if gating.residual == "linear":
            return self.builder.add(name, Gate(kind="linear"), *own)
        block = Gate(kind="softmax" if len(own) > 1 else "sigmoid", hidden=gating.hidden, bias=gating.bias)
        return self.builder.add(name, block, *self.query(gating, block, owner), *own)

    @property
    def _learns_own_weight(self) -> bool:
        """Whether an owner's only expert gets a learned weight, under the conditions of the authors' code of AdaTT."""
        families = self.owners.families if self.level.family else ()
        counts = {_count(self.level, owner) for owner in (*self.owners.tasks, *families, SHARED)}
        return self.level.shared > 0 and counts != {1}

    def _seen(self, gating: Gating, owner: Owner) -> Names:
        shared = self.experts[SHARED]
        if owner.kind == "task":
            own = _distinct((*self.experts[owner], *self.experts[self.owners.family(owner)], *shared))
            if gating.sees == "own":
                return own
            if not gating.stop_gradient:
                return self.all_experts
            return [
                name if name in own else self.builder.add(f"stop/{name}", Stop(), name) for name in self.all_experts
            ]
        if gating.shared_sees == "shared":
            return _distinct((*self.experts[owner], *shared)) or self.all_experts
        if owner == SHARED:
            return self.all_experts
        members = [name for task in self.owners.members(owner) for name in self.experts[task]]
        return _distinct((*members, *self.experts[owner], *shared)) or self.all_experts

    def _gate(self, gating: Gating, name: str, experts: Names, owner: Owner) -> str:
        block = gating.block_over(len(experts))
        if len(experts) == 1 and block.kind != "sigmoid":
            return experts[0]
        query = self.query(gating, block, owner)
        tied = f"level{self.depth}/gate" if gating.tied and owner.kind == "task" else ""
        return self.builder.add(name, block, *query, *experts, tied=tied if block.kind != "mean" else "")

    def _stitched(self, stitching: Stitching) -> OwnerStates:
        for task in self.owners.tasks:
            if not self.experts[task]:
                raise DesignError(f"levels.{self.depth} leaves task '{task.name}' without an expert to stitch")
        own = {task: self.experts[task][0] for task in self.owners.tasks}
        mixed: OwnerStates = {}
        for task, state in own.items():
            others = [other for other in own.values() if other != state]
            unit = self.builder.add(self._name("stitch", task), stitching.block, state, *others) if others else state
            mixed[task] = (unit,)
        for owner in (SHARED, *self.owners.families) if self.above is not None else ():
            tasks = self.owners.tasks if owner == SHARED else self.owners.members(owner)
            trunks = [state for task in tasks for state in mixed[task]]
            mean = self.builder.add(self._name("gate", owner), Gate(kind="mean"), *trunks) if trunks[1:] else trunks[0]
            mixed[owner] = (mean,)
        return mixed

    def _name(self, part: str, owner: Owner, index: str = "") -> str:
        if owner.kind == "family":
            return f"level{self.depth}{owner.suffix}/{part}{index}"
        return f"level{self.depth}/{part}{owner.suffix}{index}"


def _distinct(names: Iterable[str]) -> Names:
    return list(dict.fromkeys(names))


def _count(level: Level, owner: Owner) -> int:
    """The number of the owner's experts on a level."""
    if owner.kind == "task":
        return level.specific_of(owner.name)
    return level.shared if owner == SHARED else level.family


def _check_tasks(level: Level, depth: int, tasks: list[str]) -> None:
    for task in level.specific if not isinstance(level.specific, int) else ():
        if task not in tasks:
            raise DesignError(
                f"levels.{depth}.specific names task '{task}', which the data does not have{nearest(task, tasks)}"
            )
