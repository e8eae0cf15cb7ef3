"""Names in source files: of results, by what makes them, and of columns and nodes."""

import builtins
import keyword
import re
from collections.abc import Iterable, Sequence

from torch.overrides import resolve_name

from mtl_nas.exports.source.tracing import Step

WORDS = {
    **{"baddbmm": "linear", "bmm": "linear", "addcmul": "scaled", "cat": "joined", "stack": "stacked", "to": "values"},
    **{
        "add": "total",
        "sub": "difference",
        "mul": "product",
        "div": "ratio",
        "sum": "total",
        "double": "values",
        "T": "transposed",
    },
    **dict.fromkeys(("__getitem__", "view", "flatten", "transpose", "unsqueeze", "squeeze", "reshape"), "state"),
}


def result_name(step: Step) -> str:
    """A name for the result of a call."""
    name = (resolve_name(step.function) or "value").removesuffix(".__get__").split(".")[-1]
    word = WORDS.get(name, name.strip("_"))
    return f"{word}_" if hasattr(builtins, word) or keyword.iskeyword(word) else word


def identifiers(names: Sequence[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A Python name for each of some names, all of them different."""
    used = set(taken)
    chosen: dict[str, str] = {}
    for name in names:
        base = re.sub(r"\W+", "_", name).strip("_") or "column"
        base = f"_{base}" if base[0].isdigit() else base
        base = f"{base}_" if keyword.iskeyword(base) else base
        candidate, count = base, 1
        while candidate in used:
            count += 1
            candidate = f"{base}_{count}"
        used.add(candidate)
        chosen[name] = candidate
    return chosen
