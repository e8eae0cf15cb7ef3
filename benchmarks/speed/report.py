"""The tables of docs/results/speed.md from what was measured: ``python -m benchmarks.speed.report`` writes them.

A measurement that is not kept leaves its part of the page as it is. One that was kept as ``step-<machine>.json``, by
``--kept``, goes to the part of that name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed import spent
from benchmarks.speed.alternating import ratio, verdict
from benchmarks.speed.tables import Table

PAGE = Path(__file__).parents[2] / "docs" / "results" / "speed.md"
RESULTS = Path(__file__).parents[1] / "results"
LEADS = {"torch-rechub": 3.5, "deepctr-torch": 2.5}  # wanted of ours in float32
HALVED_LEAD, HALVED_BATCH = 6.0, 1_024  # wanted of ours in bfloat16 over torch-rechub
OF_PRODUCTS = 0.45  # wanted of float32 training
GPU_LEAD, GPU_RATE = 20.0, 5e6  # wanted there of MMoE at that batch: times torch-rechub, rows a second
# from, to, at most
GROWTH = {"tasks": (2, 16, 3.0), "experts": (8, 64, 6.5), "table rows": (10**4, 10**7, 1.5), "seeds": (1, 8, 2.0)}
TENTH, BESIDE, FIRST_ROW, USED = 0.1, 50, 8, 0.85  # wanted of a search
SIDES = {
    "tuned": "torch-rechub, MMoE and PLE under Optuna with a median pruner",
    "search": "ours",
    "ray": "our space under Ray Tune's OptunaSearch",
}
Kept = Mapping[str, Any]


def step_tables(kept: Kept) -> list[Table]:
    """A table a case: the sides, and the share of matrix products where those were measured."""
    return [_products(case) if _is_large(case) else _sides(case) for case in kept["cases"]]


def _is_large(case: Kept) -> bool:
    return any(label.startswith("matrix products") for label in case["rates"])


def _sides(case: Kept) -> Table:
    rates, rows = case["rates"], []
    for label, found in rates.items():
        leads = [str(ratio(found, rates[peer])) if label.startswith("ours") else "" for peer in LEADS]
        other = "" if label == "ours, float32" else str(ratio(rates["ours, float32"], found))
        rows.append([label, *_spread(found), *leads, other, _target(label, case)])
    columns = [
        "side",
        "rows a second",
        "lowest-highest",
        *(f"over {peer}" for peer in LEADS),
        "ours, float32 over it",
        "target",
    ]
    return Table(f"{case['model']}, batch {case['batch']:,}, {case['device']}", columns, rows)


def _target(label: str, case: Kept) -> str:
    """What is wanted of ours, and whether it is met by the median ratio."""
    rates = case["rates"]
    if case["device"] == "cuda":
        return _gpu_target(case) if label == "ours, auto" else ""
    if label == "ours, float32":
        found = {peer: ratio(rates[label], rates[peer]).middle for peer in LEADS}
        return "; ".join(f"{lead} x {peer}: {verdict(found[peer], lead)}" for peer, lead in LEADS.items())
    if label == "ours, bfloat16" and case["batch"] == HALVED_BATCH:
        found_lead = ratio(rates[label], rates["torch-rechub"]).middle
        return f"{HALVED_LEAD:g} x torch-rechub: {verdict(found_lead, HALVED_LEAD)}"
    return ""


def _gpu_target(case: Kept) -> str:
    if (case["model"], case["batch"]) != ("mmoe", HALVED_BATCH):
        return ""
    lead = ratio(case["rates"]["ours, auto"], case["rates"]["torch-rechub"]).middle
    rate = median(case["rates"]["ours, auto"])
    words = f"{GPU_LEAD:g} x torch-rechub: {verdict(lead, GPU_LEAD)}"
    return f"{words}; {GPU_RATE / 1e6:g} million rows a second: {verdict(rate, GPU_RATE)}"


def _products(case: Kept) -> Table:
    rows = []
    for label in (label for label in case["rates"] if label.startswith("ours")):
        ours, products = case["rates"][label], case["rates"]["matrix products, " + label.removeprefix("ours, ")]
        done = [6 * case["macs"] * rate for rate in ours]
        share = ratio(done, products)
        target = f"{OF_PRODUCTS:.0%}: {verdict(share.middle, OF_PRODUCTS)}" if label == "ours, float32" else ""
        speeds = [f"{median(values) / 1e9:.0f}" for values in (done, products)]
        rows.append([label, *_spread(ours), *speeds, str(share), target])
    columns = ["side", "rows a second", "lowest-highest", "GFLOP/s", "of torch.mm", "share", "target"]
    return Table(f"{case['model']}, batch {case['batch']:,}, {case['device']}", columns, rows)


def scale_tables(kept: Kept) -> list[Table]:
    """A table what grows: step time against the first size; trials an hour by workers."""
    tables = []
    for name, found in kept["steps"].items():
        first, last, most = GROWTH[name]
        device, rows = kept.get("devices", {}).get(name, "cpu"), []
        for size, seconds in sorted(found.items(), key=lambda item: int(item[0])):
            grown = ratio(seconds, found[str(first)])
            target = f"at most {most:g}: {verdict(grown.middle, most, below=True)}" if int(size) == last else ""
            if target and (name, device) == ("seeds", "cpu"):
                target = f"at most {most:g} on a GPU: no GPU"
            low, middle, high = (f"{1e3 * value:.2f}" for value in (min(seconds), median(seconds), max(seconds)))
            rows.append([f"{int(size):,}", middle, f"{low}-{high}", str(grown), target])
        title = f"{name}, {kept['model']}, batch {kept['batch']:,}, float32" + (", cuda" if device == "cuda" else "")
        tables.append(Table(title, [name, "ms a step", "lowest-highest", f"over {first:,}", "target"], rows))
    by_count = kept["workers"]
    rows = [[count, *_spread(found), str(ratio(found, by_count["1"]))] for count, found in by_count.items() if found]
    small = Table("a small search", ["workers", "trials an hour", "lowest-highest", "over 1"], rows)
    return [*tables, small] if rows else tables


def search_tables(kept: Kept) -> list[Table]:
    """The time to what the tuned peer ends with, and what a search costs beside training, as far as they are kept."""
    return [*([_to_score(kept)] if "tuned" in kept else []), *([_costs(kept)] if _costs(kept).rows else [])]


def _to_score(kept: Kept) -> Table:
    wanted = spent.ended_with(kept["tuned"])
    found = {SIDES["tuned"]: spent.reached(kept["tuned"], wanted)}
    if "search" in kept:
        ours = spent.reached(spent.of_search(kept["search"]), wanted)
        found[SIDES["search"]] = replace(
            ours,
            trials=kept["search"]["trials"],
            whole=kept["search"]["seconds"],
            whole_core=kept["search"]["core_seconds"],
        )
    if "ray" in kept:
        found[SIDES["ray"]] = spent.reached(kept["ray"], wanted)
    peer, rows = found[SIDES["tuned"]], []
    for side, one in found.items():
        target = ""
        if side == SIDES["search"]:
            wall = (one.seconds or float("inf")) / peer.whole
            core = (one.core_seconds or float("inf")) / peer.whole_core
            words = f"{wall:.2f} of the peer's whole time, {core:.2f} of its core time"
            target = f"at most {TENTH:g} of the time: {verdict(wall, TENTH, below=True)}; {words}"
        took = ["never" if value is None else f"{value:,.0f}" for value in (one.seconds, one.core_seconds)]
        whole = [f"{value:,.0f}" for value in (one.whole, one.whole_core, one.trials, spent.trials_an_hour(one))]
        rows.append([side, *took, f"{one.best:.4f}", *whole, target])
    columns = ["side", "s to it", "core s to it", "best", "s", "core s", "trials", "trials an hour", "target"]
    return Table(f"mean AUC {wanted:.4f} on the tuning rows of {kept['data']}", columns, rows)


def _costs(kept: Kept) -> Table:
    rows = []
    if "tiny" in kept:
        beside, spread = spent.middle([1e3 * spent.beside(run) for run in kept["tiny"]])
        wanted = f"at most {BESIDE}: {verdict(beside, BESIDE, below=True)}"
        rows.append(["ms a further trial beside its work", f"{beside:.0f} ({spread})", wanted])
        start, spread = spent.middle([spent.first_row(run) for run in kept["tiny"]])
        wanted = f"at most {FIRST_ROW}: {verdict(start, FIRST_ROW, below=True)}"
        rows.append(["s from the call to the first trained row", f"{start:.1f} ({spread})", wanted])
    if "search" in kept:
        steps, jobs = (spent.share(kept["search"], part) for part in ("stepped", "worked"))
        wanted = f"at least {USED:.0%}: {verdict(jobs, USED)} in jobs, {verdict(steps, USED)} in steps alone"
        rows.append(["core time in training steps-in jobs", f"{steps:.0%}-{jobs:.0%}", wanted])
        rows.append(["MB a worker, at most", f"{kept['search']['megabytes']:.0f}", ""])
    return Table("what a search costs beside training", ["cost", "found", "target"], rows)


def _spread(values: Sequence[float]) -> tuple[str, str]:
    return f"{median(values):,.0f}", f"{min(values):,.0f}-{max(values):,.0f}"


PARTS: dict[str, Callable[[Kept], list[Table]]] = {"step": step_tables, "scale": scale_tables, "search": search_tables}


def written(page: str, kept: Mapping[str, Kept]) -> str:
    """The page with the tables of each kept measurement between its marks."""
    for name, found in kept.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = page.split(start)
        said = "\n\n".join([*(table.markdown() for table in PARTS[part_of(name)](found)), _machine(found)])
        page = f"{before}{start}\n{said}\n{end}{rest.split(end)[1]}"
    return page


def part_of(name: str) -> str:
    """``step-avx2`` -> ``step``."""
    return name.partition("-")[0]


def _machine(kept: Kept) -> str:
    here = dict(kept["machine"])
    versions = ", ".join(f"{name} {version}" for name, version in here.items() if isinstance(version, str))
    return f"{here['cores']} cores, {here['memory_gib']} GiB; {versions}."


def main() -> None:
    """Write the tables of what is kept into the page."""
    paths = [path for path in sorted(RESULTS.glob("*.json")) if part_of(path.stem) in PARTS]
    kept = {path.stem: json.loads(path.read_text()) for path in paths}
    PAGE.write_text(written(PAGE.read_text(), kept))


if __name__ == "__main__":
    main()
