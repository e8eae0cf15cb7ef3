"""Lines about a space: its size, and the report of a run on it."""

from collections.abc import Iterator
from textwrap import fill

from mtl_nas.space.size_estimate import SizeEstimate
from mtl_nas.study import Run, space_report
from mtl_nas.study.space_report import Effect, SpaceReport

WIDTH = 80  # columns of the terminal
EFFECTS_SHOWN = 3  # largest number of effects and of range edges in the report
NAMES_SHOWN = 3  # largest number of names of decisions without an effect
MANY_DUPLICATES = 0.2  # share of the proposals above which duplicates are mentioned


def size_lines(size: SizeEstimate) -> list[str]:
    """The size of a space, and the share of random proposals that give no graph."""
    certainty = "" if size.exact else f"{size.certainty} "
    graphs = f"{certainty}{_count(size.architectures)} different graphs"
    line = f"{size.combinations:.3g} discrete designs and trainings, {graphs}"
    if size.reasons:
        return [line, f"{size.invalid:.0%} of draws give no graph, mostly: {next(iter(size.reasons))}"]
    return [line, f"each of {size.draws} draws gives a graph"]


def run_lines(run: Run) -> list[str]:
    """The report of a finished run on its space; empty if it has nothing to report."""
    report = space_report.report(run.space().for_schema(run.best_model().schema), run.state)
    lines = [fill(line, WIDTH, subsequent_indent=" " * 15, break_on_hyphens=False) for line in _report_lines(report)]
    head = f"What {report.compared} trials at rung {report.rung} say of the space (a reason to look, no proof):"
    return [head, *lines] if lines else []


def _report_lines(report: SpaceReport) -> Iterator[str]:
    large = [effect for effect in report.effects if effect.measurable]
    for effect in large[:EFFECTS_SHOWN]:
        yield f"  matters      {_effect(effect)}"
    small = [effect.path for effect in report.effects if not effect.measurable]
    if small and large:
        more = f" and {len(small) - NAMES_SHOWN} more" if len(small) > NAMES_SHOWN else ""
        yield f"  no effect    {', '.join(small[:NAMES_SHOWN])}{more}"
    elif small:
        yield f"  no effect    of any of {len(small)} decisions shows"
    for edge in report.edges[:EFFECTS_SHOWN]:
        yield f"  widen this   {edge.sentence}"
    if report.duplicates > MANY_DUPLICATES * report.proposals:
        yield f"  small space  {report.duplicates} of {report.proposals} proposals were tried before"


def _effect(effect: Effect) -> str:
    best, worst = effect.groups[0], effect.groups[-1]
    return f"{effect.path}: {best.label} over {worst.label} by {effect.difference:.4f} ± {effect.noise:.4f}"


def _count(number: int) -> str:
    return f"{number:,}" if number < 1e6 else f"{number:.1e}"
