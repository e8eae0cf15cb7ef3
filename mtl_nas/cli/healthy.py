"""A space's health in a few lines: how large it really is, and what the trials of a run say of it."""

from collections.abc import Iterator
from textwrap import fill

from mtl_nas.space.size_estimate import SizeEstimate
from mtl_nas.study import Run
from mtl_nas.study.space_report.importance import Effect
from mtl_nas.study.space_report.report import Health, health

WIDTH = 80
SHOWN = 3  # effects, and edges, at most
NAMED = 3  # decisions without an effect
MANY = 0.2  # of the proposals, from which duplicates are worth a line


def size_lines(size: SizeEstimate) -> list[str]:
    """The size of a space, and the share of random proposals that give no graph."""
    certainty = "" if size.exact else f"{size.certainty} "
    graphs = f"{certainty}{_count(size.architectures)} different graphs"
    lines = [f"{size.combinations:.3g} discrete designs and trainings, {graphs}"]
    if size.reasons:
        lines.append(f"{size.invalid:.0%} of draws give no graph, mostly: {next(iter(size.reasons))}")
    else:
        lines.append(f"each of {size.draws} draws gives a graph")
    return lines


def run_lines(run: Run) -> list[str]:
    """What a finished run's trials say of its space; nothing where they are too few."""
    found = health(run.space().for_schema(run.best_model().schema), run.standing)
    lines = [fill(line, WIDTH, subsequent_indent=" " * 15, break_on_hyphens=False) for line in _said(found)]
    head = f"What {found.compared} trials at rung {found.rung} say of the space (a reason to look, no proof):"
    return [head, *lines] if lines else []


def _said(found: Health) -> Iterator[str]:
    large = [one for one in found.effects if one.measurable]
    for one in large[:SHOWN]:
        yield f"  matters      {_effect(one)}"
    small = [one.path for one in found.effects if not one.measurable]
    if small and large:
        more = f" and {len(small) - NAMED} more" if len(small) > NAMED else ""
        yield f"  no effect    {', '.join(small[:NAMED])}{more}"
    elif small:
        yield f"  no effect    of any of {len(small)} decisions shows"
    for edge in found.edges[:SHOWN]:
        yield f"  widen this   {edge.sentence}"
    if found.duplicates > MANY * found.proposals:
        yield f"  small space  {found.duplicates} of {found.proposals} proposals were tried before"


def _effect(one: Effect) -> str:
    best, worst = one.groups[0], one.groups[-1]
    return f"{one.path}: {best.label} over {worst.label} by {one.difference:.4f} ± {one.noise:.4f}"


def _count(number: int) -> str:
    return f"{number:,}" if number < 1e6 else f"{number:.1e}"
