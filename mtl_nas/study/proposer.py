"""Proposes trials: presets and those of the portfolio, replicates, and suggestions of the sampler."""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.record import Closed, Event, Journal, Note, Proposed
from mtl_nas.settings import AUTO
from mtl_nas.space import SearchSpace
from mtl_nas.study.objectives import excess
from mtl_nas.study.samplers import Observations, suggest, suitable_sampler
from mtl_nas.study.search_state import SearchState

Compose = Callable[[Design, Schema], Architecture]

ATTEMPTS = 100  # suggestions without a valid new proposal at which a space counts as exhausted
DUPLICATES = 5  # duplicates in a row at which further duplicates are refused


class Proposer:
    """Writes the proposals of a search into its journal."""

    def __init__(
        self,
        journal: Journal[SearchState],
        space: SearchSpace,
        schema: Schema,
        presets: Mapping[str, Design],
        compose: Compose = compose,
        *,
        portfolio: Mapping[str, Proposal] | None = None,
    ) -> None:
        self._journal, self._space, self._schema = journal, space, schema
        training = space.default().training
        self._first = {
            **{f"preset:{name}": Proposal(design=design, training=training) for name, design in presets.items()},
            **{f"portfolio:{name}": proposal for name, proposal in (portfolio or {}).items()},
        }
        self._compose = compose
        self._observations = Observations()
        self.state = journal.state
        sampler = self.state.settings.sampler
        self.sampler, self._reason = suitable_sampler(self.state) if sampler == AUTO else (sampler, "")

    def compose(self, design: Design) -> Architecture:
        """The graph of a design on the data of the search."""
        return self._compose(design, self._schema)

    def propose_first(self, origin: str) -> None:
        """Propose a preset, with the default training of the space, or a proposal of the portfolio."""
        proposal = self._first[origin]
        self._journal.write(self._proposed(proposal, self._space.encode(proposal), origin))

    def replicate(self, number: int) -> None:
        """Propose a trial once more, to be trained on a new seed."""
        trial = self.state.trials[number]
        self._journal.write(
            trial.proposed.model_copy(
                update={
                    "number": len(self.state.trials),
                    "origin": "replicate",
                    "parents": (),
                    "duplicate_of": number,
                    "replicate": len(self.state.same_proposal(trial)),
                    "taken_over": False,
                }
            )
        )

    def propose(self) -> None:
        """Propose a suggestion of the sampler, or close the search if it has no new one."""
        if all(
            trial.proposed.origin in self._first or trial.proposed.taken_over for trial in self.state.trials.values()
        ):
            self._announce_sampler()
        self._journal.write(self._new_proposal())

    def _new_proposal(self) -> Event:
        problem, repeated = "every draw was tried before", self._duplicates_in_a_row()
        history, settings = self._observations.of(self.state), self.state.settings
        for attempt in range(ATTEMPTS):
            try:
                suggestion = suggest(
                    self._space,
                    history,
                    sampler=self.sampler,
                    seed=settings.seed,
                    ordinal=len(self.state.trials),
                    attempt=attempt,
                )
                proposed = self._proposed(
                    suggestion.proposal, suggestion.decisions, suggestion.origin, suggestion.parents
                )
            except (DesignError, SpaceError) as error:
                problem = str(error)
                continue
            if (above := excess(proposed, settings.limits)) is not None:
                problem = above
            elif proposed.duplicate_of is None or proposed.replicate or repeated < DUPLICATES:
                return proposed
        if not self.state.trained:
            raise SpaceError(f"space '{self._space.name}': no draw fits this data: {problem}")
        return Closed(reason=f"{ATTEMPTS} draws brought nothing new: {problem}", exhausted=True)

    def _proposed(
        self,
        proposal: Proposal,
        decisions: Mapping[str, int | float] | None,
        origin: str,
        parents: tuple[int, ...] = (),
    ) -> Proposed:
        architecture = self.compose(proposal.design)
        key = proposal_key(architecture.key, proposal)
        first = self.state.first_with.get(key)
        copies = 0 if first is None else len(self.state.same_proposal(self.state.trials[first]))
        return Proposed(
            number=len(self.state.trials),
            origin=origin,
            parents=parents,
            proposal=proposal,
            decisions=None if decisions is None else dict(decisions),
            architecture_key=architecture.key,
            proposal_key=key,
            parameters=architecture.parameters,
            macs=architecture.macs,
            duplicate_of=first,
            replicate=copies if copies < self.state.settings.replicates else 0,
        )

    def _announce_sampler(self) -> None:
        note = Note(text=f"sampler {self.sampler}: {self._reason}")
        if self.state.settings.sampler == AUTO and note not in list(self._journal.record):
            self._journal.write(note)

    def _duplicates_in_a_row(self) -> int:
        count = 0
        for trial in reversed(self.state.trials.values()):
            if trial.trained:
                break
            count += 1
        return count


def proposal_key(architecture_key: str, proposal: Proposal) -> str:
    """The identity of a proposal: equal for equal graphs, losses and options of training."""
    losses, training = (
        part.model_dump_json(exclude=part.outside_keys) for part in (proposal.design.losses, proposal.training)
    )
    training = training.replace('"epochs":', '"passes":', 1)  # as version 0.1.0 spelled it
    return "p1:" + blake2b("\n".join((architecture_key, losses, training)).encode(), digest_size=16).hexdigest()
