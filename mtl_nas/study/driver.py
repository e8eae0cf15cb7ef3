"""The loop of a search: next jobs and their results, without Ray, so that tests can simulate workers."""

from mtl_nas.errors import RunError
from mtl_nas.record import Chosen, Event, Failed, Finalist, Journal, Note, Scored, Selected
from mtl_nas.study.clock import Clock
from mtl_nas.study.job_packing import next_pack
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.schedule.actions import Action, Decide, Finish, Propose, Train
from mtl_nas.study.schedule.best_network import network_values
from mtl_nas.study.schedule.comparison import choose_designs
from mtl_nas.study.schedule.next_action import next_action
from mtl_nas.study.search_state import SearchState

EQUAL_ERRORS = 3  # number of trials with the same error at which the search stops
MACHINE_FAULTS = 3  # faults of the machine in a row at which the search pauses


class Driver:
    """The loop of a search, one step at a time.

    ``next_jobs`` returns jobs for one worker: none while all possible jobs are running, or when the search is
    ``done``. ``job_done`` takes the result of each job.
    """

    def __init__(self, journal: Journal[SearchState], proposer: Proposer, clock: Clock) -> None:
        self.journal, self.proposer, self.clock = journal, proposer, clock
        self.state = journal.state
        self.done = False
        self._faults = 0  # of the machine, since a job ended otherwise
        self._running: dict[tuple[str, int, int, int], Job] = {}  # by name

    def runs_on(self, workers: int, gpus: int = 0) -> None:
        """Set the number of workers and GPUs; time used before a resume is charged at this number of workers."""
        self.state.gpus = gpus
        self.clock.set_workers(workers)

    def next_jobs(self) -> tuple[Job, ...]:
        """Jobs that do not run yet, for one worker, which may train them as one stack."""
        waiting = [job for job in self.settle() if job.name not in self._running]
        jobs = next_pack(self.state, waiting, len(self._running), self.proposer.compose)
        self._running.update((job.name, job) for job in jobs)
        return jobs

    def settle(self) -> tuple[Job, ...]:
        """Take all actions that need no worker; return the jobs that need one, none at the end of the search."""
        while not self.done:
            if closed := self.clock.closing():
                self.journal.write(closed)
            action = next_action(self.state, {job.number for job in self._running.values()})
            if self.clock.over and self._can_end and not _selects(action):
                if self._running:
                    return ()  # the search ends with what runs
                self._end_early(action)
                continue
            match action:
                case Propose(origin=str(origin)):
                    self.proposer.propose_first(origin)
                case Propose(replicate_of=int(number)):
                    self.proposer.replicate(number)
                case Propose():
                    self.proposer.propose()
                case Train(jobs):
                    return jobs
                case Decide(events):
                    self._decide(events)
                case Finish():
                    self.done = True
        return ()

    @property
    def _can_end(self) -> bool:
        """Whether there are results with which a search whose time is up can go on to its end."""
        state = self.state
        return any(trial.scored for trial in state.trained) if state.chosen is None else bool(network_values(state))

    def _end_early(self, action: Action) -> None:
        """Choose the designs to compare from what is trained; or if there is a network to take away, train no other."""
        if self.state.chosen is None:
            self._choose(choose_designs(self.state))
            return
        if isinstance(action, Train):
            left_out = f"{len(action.jobs)} trainings of the comparison are left out"
            self.journal.write(Note(text=f"the time of {self.state.settings.time:.0f} s is up: {left_out}"))
        self.done = True

    def job_done(self, job: Job, result: JobResult) -> None:
        """Record the result of a job; a fault of the machine is not recorded, and the job is done again.

        Raises:
            RunError: the machine fails again and again, or too many trials failed with one error.
        """
        self._running.pop(job.name, None)
        if result.failure == "machine":
            self._pause_at_machine_faults(result)
            return
        self._faults, measured = 0, result.measured
        if result.failure is not None:
            self.journal.write(_failed(job, result))
            self._stop_at_equal_errors(result)
        elif job.kind == "finalist":
            self.journal.write(Finalist(number=job.number, seed=job.seed, **measured))
        else:
            also = {"latency_ms": result.latency_ms, "choosing": result.choosing}
            self.journal.write(Scored(number=job.number, rung=job.rung, **also, **measured))

    def _decide(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Chosen):
                self._choose(event)
            else:
                self.journal.write(event)

    def _choose(self, planned: Chosen) -> None:
        chosen = self.clock.affordable(planned)
        if chosen != planned:
            fewer = f"{len(chosen.numbers)} finalists on {len(chosen.seeds)} seeds"
            more = f"{len(planned.numbers)} on {len(planned.seeds)}"
            if planned.trainings is not None:
                fewer, more = f"{chosen.trainings} trainings of the comparison", f"{planned.trainings}"
            self.journal.write(Note(text=f"the time left allows {fewer}, not {more}"))
        self.journal.write(chosen)

    def _pause_at_machine_faults(self, result: JobResult) -> None:
        self._faults += 1
        if self._faults >= MACHINE_FAULTS:
            raise RunError(
                f"the search is paused, as the machine failed {self._faults} times: {result.reason}; nothing is lost: "
                "mend that and resume the run"
            )

    def _stop_at_equal_errors(self, result: JobResult) -> None:
        if result.failure != "error":
            return
        equal = [
            trial
            for trial in self.state.trials.values()
            if any(failure.failure == "error" and failure.reason == result.reason for failure in trial.failures)
        ]
        if len(equal) >= EQUAL_ERRORS:
            raise RunError(
                f"{result.trace}\n{len(equal)} trials failed with one error, so the search stops: {result.reason}"
            )


def _selects(action: Action) -> bool:
    """Whether the action writes a better network to ``best/``, which takes no training."""
    return isinstance(action, Decide) and any(isinstance(event, Selected) for event in action.events)


def _failed(job: Job, result: JobResult) -> Failed:
    assert result.failure is not None
    assert result.failure != "machine"
    return Failed(
        number=job.number,
        rung=job.rung,
        failure=result.failure,
        reason=result.reason,
        trace=result.trace,
        seed=job.seed if job.kind == "finalist" else None,
        seconds=result.seconds,
    )
