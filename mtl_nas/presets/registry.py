"""The list of presets, and functions that look presets up by name."""

import inspect
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.errors import DesignError
from mtl_nas.presets.cross_stitch import cross_stitch, snr
from mtl_nas.presets.experts import adatt, cgc, home, metaheac, mlmmoe, mmoe, omoe, ple, stem
from mtl_nas.presets.funnel import aitm, esmm
from mtl_nas.presets.histories import dupn
from mtl_nas.presets.shared_bottom import shared_bottom
from mtl_nas.presets.single_task import single_task
from mtl_nas.values import parse, unknown

_IN_ORDER_OF_TRIAL: tuple[Callable[..., Design], ...] = (
    *(single_task, shared_bottom, mmoe, ple, dupn, aitm, esmm, metaheac),
    *(stem, home, adatt, cross_stitch, cgc, mlmmoe, snr, omoe),
)
PRESETS = {function.__name__: function for function in _IN_ORDER_OF_TRIAL}
PUBLISHED_SIZES: dict[
    str, dict[str, Any]
] = {  # of presets whose defaults are others, as those are too small for tables
    "mmoe": {"experts": 8, "hidden": (16,), "tower": (8,)},
    "omoe": {"experts": 8, "hidden": (16,), "tower": (8,)},
}
Sizes = Literal["measured", "paper"]
PAPER, NEEDS = "Paper: ", "Needs: "  # begin the lines of a docstring that name the source and what a table must declare


class PresetDescription(NamedTuple):
    """The description of a preset for help and documentation; ``paper`` and ``needs`` may be empty."""

    name: str
    paper: str
    summary: str
    sizes: str  # the keywords and their defaults, as they are written in Python
    needs: str  # what a table must declare


class CompatiblePresets(NamedTuple):
    """The presets that a schema allows, and for each other preset the reason why the schema excludes it."""

    designs: dict[str, Design]
    reasons: dict[str, str]


def preset(name: str, schema: Schema, sizes: Sizes = "measured", **options: Any) -> Design:
    """Return a preset of the literature as a Design for the tasks of a schema.

    Args:
        name: A name from ``preset_names()``.
        schema: The schema of the data set, ``data.schema``.
        sizes: ``measured`` for defaults that were measured to work on tables; ``paper`` for those that the authors
            published, which differ for ``mmoe`` and ``omoe``.
        **options: Keywords of the preset's own function, such as ``experts=8`` or ``hidden=(64, 32)``, fields of
            ``Inputs``, such as ``numbers="piecewise"``, and ``members``, the number of networks in one or a mapping
            such as ``{"count": 8, "form": "mini"}``. ``descriptions()`` lists the keywords with their defaults.

    Returns:
        The Design. Numbers enter it by what their values look like (``numbers="auto"``), unless ``options`` say
        otherwise.

    Raises:
        DesignError: No preset has this name, or the schema lacks what the preset needs (a funnel, families of tasks or
            behaviour sequences).

    Example:
        >>> import mtl_nas as mn
        >>> schema = mn.load_dataset("synthetic-funnel").schema
        >>> mn.preset("mmoe", schema, experts=4).levels[0].shared
        4
    """
    if name not in PRESETS:
        raise DesignError(unknown("preset", name, PRESETS))
    if sizes not in get_args(Sizes):
        raise DesignError(f"preset '{name}': sizes is {' or '.join(get_args(Sizes))}, got {sizes!r}")
    members = options.pop("members", 1)
    published = PUBLISHED_SIZES.get(name, {}) if sizes == "paper" else {}
    design = PRESETS[name](schema, **{"numbers": "auto", **published, **options})
    several = parse(Design, {"members": members}, f"preset '{name}'", DesignError).members
    return design.model_copy(update={"members": several})


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets, in the order in which a search tries them.

    Example:
        >>> preset_names()[:4]
        ('single_task', 'shared_bottom', 'mmoe', 'ple')
    """
    return tuple(PRESETS)


def descriptions() -> tuple[PresetDescription, ...]:
    """Name, paper, one line, keywords and needs of every preset, read from the functions themselves.

    >>> descriptions()[2][:3]
    ('mmoe', 'Ma et al., KDD 2018', 'Shared experts, mixed by one gate per task.')
    """
    return tuple(_description(name, function) for name, function in PRESETS.items())


def compatible_presets(schema: Schema, sizes: Sizes = "measured") -> CompatiblePresets:
    """Build every preset that the schema allows; note the reasons for the others."""
    compatible = CompatiblePresets({}, {})
    for name in PRESETS:
        try:
            compatible.designs[name] = preset(name, schema, sizes)
        except DesignError as problem:
            compatible.reasons[name] = str(problem)
    return compatible


def _description(name: str, function: Callable[..., Design]) -> PresetDescription:
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    paper, needs = (
        "".join(line.removeprefix(mark) for line in lines if line.startswith(mark)) for mark in (PAPER, NEEDS)
    )
    keywords = [word for word in inspect.signature(function).parameters.values() if word.kind is word.KEYWORD_ONLY]
    sizes = ", ".join(f"{word.name}={word.default!r}" for word in keywords)
    return PresetDescription(name, paper, lines[0], sizes, needs)
