"""Which sampler proposes, and when draws are random."""

from collections.abc import Sequence

from mtl_nas.space import Random, SearchSpace
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.samplers.evolution import evolution, local, nsga2
from mtl_nas.study.samplers.observations import Drawn, Sampler, Seen
from mtl_nas.study.samplers.tpe import tpe
from mtl_nas.study.schedule.budget import Plan

STARTUP = 10  # seen before a sampler proposes
RANDOM_SHARE = 4  # one proposal in that many is random, against anchoring
AROUND = 50  # attempts before draws are random
FEW = 10.0  # full trainings of work below which draws are random


def random_draw(space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
    """Independent draws."""
    proposal, decisions = space.draw(Random(seed))
    return Drawn(proposal, decisions, "random")


SAMPLERS: dict[str, Sampler] = {
    "tpe": tpe,
    "evolution": evolution,
    "local": local,
    "nsga2": nsga2,
    "random": random_draw,
}


def automatic(plan: Plan) -> tuple[str, str]:
    """The sampler that suits budget and objectives, and why."""
    if not plan.goal.single:
        return "nsga2", "several objectives"
    if plan.work < FEW:
        return "random", f"the work of {plan.work:.0f} full trainings is too little to learn from"
    return "evolution", f"one objective, the work of {plan.work:.0f} full trainings"


def propose(
    space: SearchSpace, history: Sequence[Seen], *, sampler: str, seed: int, ordinal: int, attempt: int = 0
) -> Drawn:
    """A draw; a function of what was seen, the seed, the place among proposals and the attempt alone.

    Further attempts, after draws that were known or did not fit, look around the best and in the end anywhere.
    """
    stream = seed_of(seed, "ask", ordinal, attempt)
    early = sampler == "random" or len(history) < STARTUP or attempt > AROUND
    if early or seed_of(stream, "share") % RANDOM_SHARE == 0:
        return random_draw(space, history, stream)
    return (SAMPLERS[sampler] if attempt == 0 else local)(space, history, stream)
