"""The ask/tell core of a run: writes every fact before it acts on it. Knows no Ray, so a simulator can drive it too."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from math import ceil

from mtl_nas.architecture import Architecture
from mtl_nas.composition import MOST_MEMBERS, compose, has_stackable_blocks, one_backward_pass
from mtl_nas.data import Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.errors import DesignError, RunError, SpaceError
from mtl_nas.record.events import Chosen, Closed, Event, Failed, Finalist, Note, Proposed, Scored
from mtl_nas.record.journal import Record
from mtl_nas.record.request import Request
from mtl_nas.record.state import Standing
from mtl_nas.space import SearchSpace
from mtl_nas.study.jobs import Answer, Job
from mtl_nas.study.objectives.limits import excess
from mtl_nas.study.objectives.objective import BASELINE, Goal
from mtl_nas.study.samplers import History, automatic, propose
from mtl_nas.study.schedule.actions import Ask, Decide, Finish, Train
from mtl_nas.study.schedule.budget import Plan
from mtl_nas.study.schedule.finalists import within
from mtl_nas.study.schedule.next_action import next_step

DRAWS = 100  # before a space counts as exhausted
DUPLICATES = 5  # in a row, then draws that are new are asked for
SAME_ERRORS = 3  # of the user's making, then the search stops
TIME_FOR_SEARCH = 0.6  # of the time that is given; the rest is for finalists

Watch = Callable[[Event], None]


class Core:
    """``next_jobs`` gives a worker's jobs, none while all that can run is running, or ``done``.

    ``job_done`` takes the answer to each.
    """

    def __init__(
        self,
        request: Request,
        record: Record,
        space: SearchSpace,
        schema: Schema,
        presets: Mapping[str, Design],
        *,
        rows: int = 1,
        watch: Watch = lambda event: None,
        workers: int = 1,
    ) -> None:
        self.request, self.space, self.schema = request, space, schema
        self.presets = {name: design for name, design in presets.items() if self._keeps_to_limits(name, design)}
        goal = Goal.of(request.settings.objectives, schema)
        epochs, _ = space.default().training.work(rows)
        full = max(1, round(epochs * rows))
        self.plan = Plan(request.settings, tuple(self.presets), request.settings.seed, goal, full, request.precision)
        self.sampler, self.why = (
            automatic(self.plan)
            if request.settings.sampler == "auto"
            else (request.settings.sampler, "it was asked for")
        )
        self.done = False
        self._history = History(goal)
        self._record, self._watch = record, watch
        self._running: set[tuple[str, int, int, int]] = set()
        self.standing = Standing.of(record)
        self.runs_on(workers)

    def runs_on(self, workers: int, gpus: int = 0) -> None:
        """So many workers do the jobs, on so many GPUs; what earlier sittings took counts as if they had, too."""
        self.workers, self.plan = workers, replace(self.plan, gpus=gpus)
        self._started = time.monotonic() - self.standing.seconds / workers

    def next_jobs(self) -> tuple[Job, ...]:
        """Jobs that nobody runs yet and one worker does as one: a single job, unless jobs of one shape are fused."""
        free = [job for job in self.settle() if job.name not in self._running]
        alike = free[:1]
        if alike and self._stacks(free[0]):
            alike = [job for job in free if job.common == free[0].common and not self._died(job)]
            share = ceil((len(self._running) + len(alike)) / self.plan.gpus)  # or a GPU would have nothing to do
            alike = alike[: min(MOST_MEMBERS, share)]
        self._running.update(job.name for job in alike)
        return tuple(alike)

    def _stacks(self, job: Job) -> bool:
        """It may be done with others of its shape."""
        design, training = job.proposal.design, job.proposal.training
        alone = not self.plan.gpus or self._died(job) or not one_backward_pass(design.losses, training)
        return not alone and has_stackable_blocks(self._composed(design))

    def _died(self, job: Job) -> bool:
        """Its worker did once: it is done alone from then on, or it would take others with it again."""
        return any(failure.failure == "lost" for failure in self.standing.trials[job.number].failures)

    def settle(self) -> tuple[Job, ...]:
        """Decide all that needs no worker; the jobs that do, none at the end."""
        while not self.done:
            self._close_when_time_is_up()
            match next_step(self.standing, self.plan, {number for _, number, _, _ in self._running}):
                case Ask(preset=None, again=None):
                    self._propose()
                case Ask(preset=str(name)):
                    self._propose_preset(name)
                case Ask(again=int(number)):
                    self._propose_again(number)
                case Train(jobs):
                    return tuple(self._with_latency(job) for job in jobs)
                case Decide(events):
                    for event in events:
                        self._write(self._affordable(event) if isinstance(event, Chosen) else event)
                case Finish():
                    self.done = True
        return ()

    def job_done(self, job: Job, answer: Answer) -> None:
        """Record what a worker says; a RunError with the traceback at the third equal error."""
        self._running.discard(job.name)
        if answer.failure is not None:
            seed = job.seed if job.kind == "finalist" else None
            self._write(
                Failed(
                    number=job.number,
                    rung=job.rung,
                    failure=answer.failure,
                    reason=answer.reason,
                    trace=answer.trace,
                    seed=seed,
                    seconds=answer.seconds,
                )
            )
            self._stop_at_equal_errors(answer)
        elif job.kind == "finalist":
            self._write(Finalist(number=job.number, seed=job.seed, **_measured(answer)))
        else:
            latency = answer.latency_ms
            self._write(Scored(number=job.number, rung=job.rung, latency_ms=latency, **_measured(answer)))

    @property
    def seconds_left(self) -> float | None:
        """Of the wall time that was given."""
        if self.request.settings.time is None:
            return None
        return self.request.settings.time - (time.monotonic() - self._started)

    def _propose_preset(self, name: str) -> None:
        proposal = Proposal(design=self.presets[name], training=self.space.default().training)
        self._write(self._proposed(proposal, self.space.encode(proposal), f"preset:{name}"))

    def _propose_again(self, number: int) -> None:
        known = self.standing.trials[number].proposed
        copies = len(self.standing.alike(self.standing.trials[number]))
        fields = {"number": len(self.standing.trials), "origin": "replicate", "parents": (), "duplicate_of": number}
        self._write(known.model_copy(update={**fields, "replicate": copies, "taken_over": False}))

    def _propose(self) -> None:
        if all(trial.preset or trial.proposed.taken_over for trial in self.standing.trials.values()):
            self._say_sampler()
        problem = "every draw was tried before"
        repeated, seen = self._duplicates_in_a_row(), self._history.of(self.standing)
        ordinal = len(self.standing.trials)
        for attempt in range(DRAWS):
            try:
                drawn = propose(
                    self.space,
                    seen,
                    sampler=self.sampler,
                    seed=self.request.settings.seed,
                    ordinal=ordinal,
                    attempt=attempt,
                )
                event = self._proposed(drawn.proposal, drawn.decisions, drawn.origin, drawn.parents)
            except (DesignError, SpaceError) as wrong:
                problem = str(wrong)
                continue
            if (wide := excess(event, self.request.settings.limits)) is not None:
                problem = wide
                continue
            if event.duplicate_of is None or event.replicate or repeated < DUPLICATES:
                self._write(event)
                return
        if not self.standing.trained:
            raise SpaceError(f"space '{self.space.name}': no draw fits this data: {problem}")
        self._write(Closed(reason=f"{DRAWS} draws brought nothing new: {problem}", exhausted=True))

    def _proposed(
        self,
        proposal: Proposal,
        decisions: Mapping[str, int | float] | None,
        origin: str,
        parents: tuple[int, ...] = (),
    ) -> Proposed:
        architecture = self._composed(proposal.design)
        key = proposal_key(architecture.key, proposal)
        first = self.standing.first_with.get(key)
        copies = 0 if first is None else len(self.standing.alike(self.standing.trials[first]))
        return Proposed(
            number=len(self.standing.trials),
            origin=origin,
            parents=parents,
            proposal=proposal,
            decisions=None if decisions is None else dict(decisions),
            architecture_key=architecture.key,
            proposal_key=key,
            parameters=architecture.parameters,
            macs=architecture.macs,
            duplicate_of=first,
            replicate=copies if copies < self.request.settings.replicates else 0,
        )

    def _composed(self, design: Design) -> Architecture:
        return compose(design, self.schema)

    def _keeps_to_limits(self, name: str, design: Design) -> bool:
        """The baseline always does: gains are measured against it, whatever its size."""
        if name == BASELINE or not self.request.settings.limits:
            return True
        return excess(compose(design, self.schema), self.request.settings.limits) is None

    def _with_latency(self, job: Job) -> Job:
        most = self.request.settings.limits.get("latency_ms")
        if job.kind == "finalist" or job.from_rung is not None or not (most or "latency_ms" in self.plan.goal.aims):
            return job
        baseline = self.standing.trials[job.number].preset == BASELINE
        return job.model_copy(update={"latency": True, "limits": {"latency_ms": most} if most and not baseline else {}})

    def _say_sampler(self) -> None:
        said = Note(text=f"sampler {self.sampler}: {self.why}")
        if self.request.settings.sampler == "auto" and said not in list(self._record):
            self._write(said)

    def _duplicates_in_a_row(self) -> int:
        count = 0
        for trial in reversed(self.standing.trials.values()):
            if trial.trained:
                break
            count += 1
        return count

    def _close_when_time_is_up(self) -> None:
        left, given = self.seconds_left, self.request.settings.time
        if left is None or given is None or self.standing.closed is not None or self.standing.chosen is not None:
            return
        if left < (1 - TIME_FOR_SEARCH) * given and len(self.standing.trials) > 0:
            self._write(Closed(reason=f"time for proposals is up ({TIME_FOR_SEARCH:.0%} of {given:.0f} s)"))

    def _affordable(self, decided: Chosen) -> Chosen:
        """The finalists that the time left allows, by what a full training took so far."""
        left = self.seconds_left
        measured = [
            sum(scored.seconds for scored in trial.scored.values()) / self.request.settings.rungs[max(trial.scored)]
            for trial in self.standing.trained
            if trial.scored
        ]
        if left is None or not measured or not decided.numbers:
            return decided
        trainings = max(left, 0.0) * self.workers / (sum(measured) / len(measured))
        kept = within(decided, self.standing, trainings)
        if kept != decided:
            fewer = f"{len(kept.numbers)} finalists on {len(kept.seeds)} seeds"
            wanted = f"{len(decided.numbers)} on {len(decided.seeds)}"
            self._write(Note(text=f"the time left allows {fewer}, not {wanted}"))
        return kept

    def _stop_at_equal_errors(self, answer: Answer) -> None:
        if answer.failure != "error":
            return
        equal = [
            failure
            for trial in self.standing.trials.values()
            for failure in trial.failures
            if failure.failure == "error" and failure.reason == answer.reason
        ]
        if len(equal) >= SAME_ERRORS:
            raise RunError(f"{answer.trace}\n{len(equal)} trials failed alike, so the search stops: {answer.reason}")

    def write(self, event: Event) -> None:
        """Note a fact that was decided elsewhere: what another run found, a remark."""
        self._write(event)

    def _write(self, event: Event) -> None:
        self._record.append(event)
        self.standing.add(event)
        self._watch(event)


def proposal_key(architecture_key: str, proposal: Proposal) -> str:
    """Equal for proposals that train the same graph the same way, whatever the words for it."""
    losses = proposal.design.losses.model_dump_json()
    training = proposal.training.model_dump_json().replace('"epochs":', '"passes":', 1)  # as version 0.1.0 spelled it
    return "p1:" + blake2b("\n".join((architecture_key, losses, training)).encode(), digest_size=16).hexdigest()


def _measured(answer: Answer) -> dict[str, object]:
    return {
        "score": answer.score,
        "scores": answer.scores,
        "rows": answer.rows,
        "seconds": answer.seconds,
        "rows_per_second": answer.rows_per_second,
    }
