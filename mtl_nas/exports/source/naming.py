"""Names in source files: of results, by what makes them, of columns and nodes, and of parameters of torch."""

import builtins
import inspect
import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Any

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


def defaults_of(function: Any) -> dict[str, Any]:
    """The defaults of the parameters of a function of torch, as far as it says them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # functions that are written in C++ say none
        return {}
    return {parameter.name: parameter.default for parameter in parameters}
