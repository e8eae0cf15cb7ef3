"""``mtl-search adapt``."""

from pathlib import Path
from typing import cast

from rich.console import Console

from mtl_nas.adaptation import Adaptation, Mode
from mtl_nas.exports import Model, load_model

WORDS = {"frozen": "shared parts frozen", "finetuned": "all parts fine-tuned", "inner": "moved by inner steps"}


def adapt_model(
    model: Path, table: str, task: str, *, mode: str, like: str | None, to: Path | None, seeds: int
) -> None:
    """Adapt, print what it brought, write the model."""
    found = load_model(model).adapt(table, task, mode=cast(Mode, mode), like=like, seeds=seeds)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for line in lines(found):
        console.print(line)
    if to is not None:
        found.model.save(to, about=f"'{found.task}', adapted from '{found.like}' ({found.mode}).")
        console.print(f"wrote {to}; score rows: mtl-search predict {to} TABLE --to OUT")


def lines(found: Adaptation[Model]) -> list[str]:
    """What an adaptation came to, a line a fact."""
    gain, verdict = found.gain, "tie"
    if not gain.tie:
        verdict = "better" if gain.difference > 0 else "worse"
    return [
        f"'{found.task}' in the place of '{found.like}', {WORDS[found.mode]}, {found.rows:,} rows to train",
        f"  from the model  {found.metric} {_scores(found.adapted)}",
        f"  from scratch    {found.metric} {_scores(found.scratch)}",
        f"  gain {gain.difference:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}: {verdict}",
    ]


def _scores(scores: tuple[float | None, ...]) -> str:
    known = [score for score in scores if score is not None]
    if not known:
        return "not defined: one class"
    mean = sum(known) / len(known)
    return f"{mean:.4f} (seeds {', '.join(f'{score:.4f}' for score in known)})"
