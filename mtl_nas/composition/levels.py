"""One level: experts of every owner, and what mixes them for those above."""

from collections.abc import Callable, Iterable

from mtl_nas.blocks import Gate, Stop, Sum
from mtl_nas.composition.graph_builder import SHARED, Owner, Owners, Sheet, States
from mtl_nas.design import Gating, Level, Routing, Stitching, Weighing
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

Names = list[str]
Ask = Callable[[Weighing, Owner], str]  # the node that a gate of the owner asks


class LevelWriter:
    """Writes one level onto the sheet: ``states`` are those below, ``above`` is the next level."""

    def __init__(
        self, sheet: Sheet, owners: Owners, level: Level, depth: int, *, states: States, above: Level | None, ask: Ask
    ) -> None:
        _check_tasks(level, depth, owners)
        self.sheet, self.owners, self.level, self.depth = sheet, owners, level, depth
        self.states, self.above, self.ask = states, above, ask
        self.experts = {owner: self._experts(owner) for owner in owners.every}
        self.every = _once(name for owner in (*owners.tasks, *owners.families, SHARED) for name in self.experts[owner])

    def mixed(self) -> States:
        """The states above the level."""
        mixing = self.level.mixing
        if isinstance(mixing, Stitching):
            return self._stitched(mixing)
        if isinstance(mixing, Routing):
            return self._for_readers(
                lambda owner, index: self.sheet.add(self._name("route", owner, index), mixing.block, *self.every)
            )
        if mixing.placement == "all":
            state = self._gate(mixing, self._name("gate", SHARED), self.every, SHARED)
            return dict.fromkeys(self.owners.every, (state,))
        if mixing.placement == "expert":
            return self._for_readers(lambda owner, index: self._gated(mixing, owner, index))
        states: States = {owner: (self._gated(mixing, owner),) for owner in self._written(mixing)}
        if mixing.placement == "family":
            states |= {task: states[self.owners.family(task)] for task in self.owners.tasks}
        return states

    def _written(self, gating: Gating) -> tuple[Owner, ...]:
        """Owners with a gate of their own; what nothing above reads is left out in the end."""
        if self.above is not None:
            return tuple(owner for owner in self.owners.every if owner.kind != "task" or gating.placement != "family")
        return self.owners.families if gating.placement == "family" else self.owners.tasks

    def _experts(self, owner: Owner) -> Names:
        place = (
            f"level{self.depth}{owner.suffix}" if owner.kind == "family" else f"level{self.depth}/expert{owner.suffix}"
        )
        below, block = self.states[owner], self.level.expert
        reads = [below[min(index, len(below) - 1)] for index in range(_count(self.level, owner))]
        if not block.computes:
            return _once(reads)
        return [self.sheet.add(f"{place}/{index}", block, state) for index, state in enumerate(reads)]

    def _for_readers(self, state: Callable[[Owner, str], str]) -> States:
        """A state for each expert above, or for the tower."""
        if self.above is None:
            return {task: (state(task, ""),) for task in self.owners.tasks}
        mixed: States = {}
        several = _count(self.above, SHARED) > 1  # then all are numbered: a task may be named as one of those numbers
        for owner in self.owners.every:
            count = max(_count(self.above, owner), 1)
            mixed[owner] = tuple(state(owner, f"/{index}" if several or count > 1 else "") for index in range(count))
        return mixed

    def _gated(self, gating: Gating, owner: Owner, index: str = "") -> str:
        """The owner's own experts and those it sees through a gate, and what it adds of its own."""
        seen = self._seen(gating, owner)
        if not seen:
            raise DesignError(
                f"levels.{self.depth} leaves task '{owner.name}' without an expert: no specific one, no shared one"
            )
        state = self._gate(gating, self._name("gate", owner, index), seen, owner)
        own = self.experts[owner]
        if gating.residual == "none" or not own:
            return state
        return self.sheet.add(self._name("sum", owner, index), Sum(), state, self._residual(gating, owner, index))

    def _residual(self, gating: Gating, owner: Owner, index: str) -> str:
        own, name = self.experts[owner], self._name("residual", owner, index)
        if gating.residual == "linear" and len(own) == 1 and not self._learns_own_weight:
            return own[0]
        if gating.residual == "linear":
            return self.sheet.add(name, Gate(kind="linear"), *own)
        block = Gate(kind="softmax" if len(own) > 1 else "sigmoid", hidden=gating.hidden, bias=gating.bias)
        return self.sheet.add(name, block, self.ask(gating, owner), *own)

    @property
    def _learns_own_weight(self) -> bool:
        """With shared experts, a lone own expert has a learned weight unless every owner has one (AdaTT's code)."""
        families = self.owners.families if self.level.family else ()
        counts = {_count(self.level, owner) for owner in (*self.owners.tasks, *families, SHARED)}
        return self.level.shared > 0 and counts != {1}

    def _seen(self, gating: Gating, owner: Owner) -> Names:
        shared = self.experts[SHARED]
        if owner.kind == "task":
            mine = _once((*self.experts[owner], *self.experts[self.owners.family(owner)], *shared))
            if gating.sees == "own":
                return mine
            if not gating.stop_gradient:
                return self.every
            return [name if name in mine else self.sheet.add(f"stop/{name}", Stop(), name) for name in self.every]
        if gating.shared_sees == "shared":
            return _once((*self.experts[owner], *shared)) or self.every
        if owner == SHARED:
            return self.every
        members = [name for task in self.owners.members(owner) for name in self.experts[task]]
        return _once((*members, *self.experts[owner], *shared)) or self.every

    def _gate(self, gating: Gating, name: str, experts: Names, owner: Owner) -> str:
        block = gating.block_over(len(experts))
        if len(experts) == 1 and block.kind != "sigmoid":
            return experts[0]
        query = (self.ask(gating, owner),) if block.has_query else ()
        tied = f"level{self.depth}/gate" if gating.tied and owner.kind == "task" else ""
        return self.sheet.add(name, block, *query, *experts, tied=tied if block.kind != "mean" else "")

    def _stitched(self, stitching: Stitching) -> States:
        for task in self.owners.tasks:
            if not self.experts[task]:
                raise DesignError(f"levels.{self.depth} leaves task '{task.name}' without an expert to stitch")
        own = {task: self.experts[task][0] for task in self.owners.tasks}
        mixed: States = {}
        for task, state in own.items():
            others = [other for other in own.values() if other != state]
            unit = self.sheet.add(self._name("stitch", task), stitching.block, state, *others) if others else state
            mixed[task] = (unit,)
        for owner in self.owners.every if self.above is not None else ():
            trunks = [state for task in self.owners.tasks for state in mixed[task]]
            if owner.kind == "family":
                trunks = [state for task in self.owners.members(owner) for state in mixed[task]]
            if owner.kind != "task":
                mean = Gate(kind="mean")
                mixed[owner] = (self.sheet.add(self._name("gate", owner), mean, *trunks) if trunks[1:] else trunks[0],)
        return mixed

    def _name(self, word: str, owner: Owner, index: str = "") -> str:
        if owner.kind == "family":
            return f"level{self.depth}{owner.suffix}/{word}{index}"
        return f"level{self.depth}/{word}{owner.suffix}{index}"


def _once(names: Iterable[str]) -> Names:
    return list(dict.fromkeys(names))


def _count(level: Level, owner: Owner) -> int:
    """Experts that the level gives the owner."""
    if owner.kind == "task":
        return level.specific_of(owner.name)
    return level.shared if owner == SHARED else level.family


def _check_tasks(level: Level, depth: int, owners: Owners) -> None:
    tasks = [task.name for task in owners.tasks]
    for task in level.specific if not isinstance(level.specific, int) else ():
        if task not in tasks:
            raise DesignError(
                f"levels.{depth}.specific names task '{task}', which the data has not{nearest(task, tasks)}"
            )
