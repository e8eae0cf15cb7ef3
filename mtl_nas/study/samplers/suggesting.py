"""Suggestions of a search: by its sampler, near its best designs, or drawn at random."""

from collections.abc import Sequence

from mtl_nas.space import SearchSpace
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.samplers.evolution import leaves_encodings_open, local, reread
from mtl_nas.study.samplers.observations import Observation
from mtl_nas.study.samplers.random import random_draw
from mtl_nas.study.samplers.registry import SAMPLERS, Suggestion
from mtl_nas.study.schedule.budget import total_work
from mtl_nas.study.search_state import SearchState

STARTUP = 10  # observations before a sampler is called
RANDOM_SHARE = 4  # one proposal in this many is random, for exploration
LOCAL_ATTEMPTS = 50  # attempts near the best designs before draws are random
SMALL_SEARCH = 10.0  # work in full trainings below which draws are random


def suitable_sampler(state: SearchState) -> tuple[str, str]:
    """The sampler that suits the budget and the objectives, and the reason."""
    work = total_work(state.settings)
    if not state.objective.single:
        return "nsga2", "several objectives"
    if work < SMALL_SEARCH:
        return "random", f"the work of {work:.0f} full trainings is too little to learn from"
    return "evolution", f"one objective, the work of {work:.0f} full trainings"


def suggest(
    space: SearchSpace, history: Sequence[Observation], *, sampler: str, seed: int, ordinal: int, attempt: int = 0
) -> Suggestion:
    """Suggest the proposal with an ordinal number; the result depends on the arguments alone.

    Before a sampler has enough observations, half of the suggestions are one of the best designs so far with columns
    read otherwise, if the space leaves the encoding of numbers open; the others are drawn at random. If the suggestion
    of an attempt is invalid or a duplicate, further attempts search near the best designs, and the last ones anywhere.
    """
    stream = seed_of(seed, "ask", ordinal, attempt)
    registered = SAMPLERS[sampler]
    if not registered.learns:
        return registered.sampler(space, history, stream)
    early = len(history) < STARTUP or attempt > LOCAL_ATTEMPTS
    if early and not attempt and any(map(leaves_encodings_open, history)) and seed_of(stream, "inputs") % 2 == 0:
        return reread(space, history, stream)
    if early or seed_of(stream, "share") % RANDOM_SHARE == 0:
        return random_draw(space, history, stream)
    return (registered.sampler if attempt == 0 else local)(space, history, stream)
