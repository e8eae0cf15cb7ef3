"""Write the tables of docs/results/speed.md from benchmarks/results/: ``python -m benchmarks.speed.report``.

Results ``step.json`` go between the marks ``<!-- step -->`` and ``<!-- end of step -->`` of the page; those of another
machine, saved as ``step-<machine>.json`` by ``--output``, between marks of that name. A part of the page without
results stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.result_files import RESULTS, load
from benchmarks.speed import search_costs
from benchmarks.speed.alternating import paired_ratio, verdict
from benchmarks.speed.matrix_products import OPERATIONS_PER_MAC
from benchmarks.speed.search_costs import TimeToScore
from benchmarks.speed.tables import Table

PAGE = Path(__file__).parents[2] / "docs" / "results" / "speed.md"

# Targets of the training step: our rate over that of a peer, by peer.
LEADS = {"torch-rechub": 3.5, "deepctr-torch": 2.5}  # in float32
BFLOAT16_LEAD, LEAD_BATCH = 6.0, 1_024  # in bfloat16 over torch-rechub, at this batch size
PRODUCTS_SHARE = 0.45  # our operations per second over those of matrix products, in float32
GPU_LEAD, GPU_ROWS_PER_SECOND = 20.0, 5e6  # MMoE at LEAD_BATCH, in precision auto
# Targets of growth: from a size, to a size, the step may take at most so many times as long.
GROWTH = {"tasks": (2, 16, 3.0), "experts": (8, 64, 6.5), "table rows": (10**4, 10**7, 1.5), "seeds": (1, 8, 2.0)}
# Targets of a search.
TIME_SHARE = 0.1  # our time to its score over the whole time of the tuned peer
OVERHEAD_MS, FIRST_ROW_SECONDS = 50, 8  # per further trial; from the call to the first trained row
JOB_SHARE = 0.85  # share of the workers' time in jobs and in their training steps

SIDES = {
    "tuned": "torch-rechub, MMoE and PLE under Optuna with a median pruner",
    "search": "ours",
    "ray": "our space under Ray Tune's OptunaSearch",
}
Results = Mapping[str, Any]


def step_tables(results: Results) -> list[Table]:
    """Return a table per case: the sides, or the share of matrix products where those were measured."""
    return [_products_table(case) if _has_products(case) else _sides_table(case) for case in results["cases"]]


def _has_products(case: Results) -> bool:
    return any(label.startswith("matrix products") for label in case["rates"])


def _sides_table(case: Results) -> Table:
    rates, rows = case["rates"], []
    for label, values in rates.items():
        leads = [str(paired_ratio(values, rates[peer])) if label.startswith("ours") else "" for peer in LEADS]
        ours_over = "" if label == "ours, float32" else str(paired_ratio(rates["ours, float32"], values))
        rows.append([label, *_median_and_range(values), *leads, ours_over, _step_target(label, case)])
    columns = [
        "side",
        "rows per second",
        "lowest-highest",
        *(f"over {peer}" for peer in LEADS),
        "ours, float32 over it",
        "target",
    ]
    return Table(f"{case['model']}, batch {case['batch']:,}, {case['device']}", columns, rows)


def _step_target(label: str, case: Results) -> str:
    """Return our targets with their verdicts, which compare median ratios."""
    rates = case["rates"]
    if case["device"] == "cuda":
        return _gpu_target(case) if label == "ours, auto" else ""
    if label == "ours, float32":
        ratios = {peer: paired_ratio(rates[label], rates[peer]).median for peer in LEADS}
        return "; ".join(f"{lead} x {peer}: {verdict(ratios[peer], lead)}" for peer, lead in LEADS.items())
    if label == "ours, bfloat16" and case["batch"] == LEAD_BATCH:
        ratio = paired_ratio(rates[label], rates["torch-rechub"]).median
        return f"{BFLOAT16_LEAD:g} x torch-rechub: {verdict(ratio, BFLOAT16_LEAD)}"
    return ""


def _gpu_target(case: Results) -> str:
    if (case["model"], case["batch"]) != ("mmoe", LEAD_BATCH):
        return ""
    lead = paired_ratio(case["rates"]["ours, auto"], case["rates"]["torch-rechub"]).median
    rate = median(case["rates"]["ours, auto"])
    lead_verdict = f"{GPU_LEAD:g} x torch-rechub: {verdict(lead, GPU_LEAD)}"
    millions = f"{GPU_ROWS_PER_SECOND / 1e6:g} million rows per second"
    return f"{lead_verdict}; {millions}: {verdict(rate, GPU_ROWS_PER_SECOND)}"


def _products_table(case: Results) -> Table:
    rows = []
    for label in (label for label in case["rates"] if label.startswith("ours")):
        ours, products = case["rates"][label], case["rates"]["matrix products, " + label.removeprefix("ours, ")]
        operations = [OPERATIONS_PER_MAC * case["macs"] * rate for rate in ours]
        share = paired_ratio(operations, products)
        target = f"{PRODUCTS_SHARE:.0%}: {verdict(share.median, PRODUCTS_SHARE)}" if label == "ours, float32" else ""
        speeds = [f"{median(values) / 1e9:.0f}" for values in (operations, products)]
        rows.append([label, *_median_and_range(ours), *speeds, str(share), target])
    columns = ["side", "rows per second", "lowest-highest", "GFLOP/s", "GFLOP/s of torch.mm", "share", "target"]
    return Table(f"{case['model']}, batch {case['batch']:,}, {case['device']}", columns, rows)


def scale_tables(results: Results) -> list[Table]:
    """Return a table per growing size, of step times over that of the first size, and one of trials per hour."""
    tables = []
    for name, by_size in results["steps"].items():
        first, last, limit = GROWTH[name]
        device, rows = results.get("devices", {}).get(name, "cpu"), []
        for size, seconds in sorted(by_size.items(), key=lambda item: int(item[0])):
            growth = paired_ratio(seconds, by_size[str(first)])
            target = f"at most {limit:g}: {verdict(growth.median, limit, below=True)}" if int(size) == last else ""
            if target and (name, device) == ("seeds", "cpu"):
                target = f"at most {limit:g} on a GPU: no GPU"
            low, middle, high = (f"{1e3 * value:.2f}" for value in (min(seconds), median(seconds), max(seconds)))
            rows.append([f"{int(size):,}", middle, f"{low}-{high}", str(growth), target])
        title = f"{name}, {results['model']}, batch {results['batch']:,}, float32"
        columns = [name, "ms per step", "lowest-highest", f"over {first:,}", "target"]
        tables.append(Table(title + (", cuda" if device == "cuda" else ""), columns, rows))
    by_workers = results["workers"]
    rows = [
        [workers, *_median_and_range(rates), str(paired_ratio(rates, by_workers["1"]))]
        for workers, rates in by_workers.items()
        if rates
    ]
    small_search = Table("a small search", ["workers", "trials per hour", "lowest-highest", "over 1"], rows)
    return [*tables, small_search] if rows else tables


def search_tables(results: Results) -> list[Table]:
    """Return the tables of the time to the tuned peer's score and of the time beside training, if measured."""
    costs = _costs_table(results)
    return [*([_time_to_score_table(results)] if "tuned" in results else []), *([costs] if costs.rows else [])]


def _time_to_score_table(results: Results) -> Table:
    score = search_costs.final_score(results["tuned"])
    sides = {"tuned": search_costs.time_to_score(results["tuned"], score)}
    if "search" in results:
        search = results["search"]
        sides["search"] = replace(
            search_costs.time_to_score(search_costs.trials_of_search(search), score),
            trials=search["trials"],
            total_seconds=search["seconds"],
            total_core_seconds=search["core_seconds"],
        )
    if "ray" in results:
        sides["ray"] = search_costs.time_to_score(results["ray"], score)
    rows = []
    for name, side in sides.items():
        times = ["never" if value is None else f"{value:,.0f}" for value in (side.seconds, side.core_seconds)]
        totals = (side.total_seconds, side.total_core_seconds, side.trials, side.trials_per_hour)
        target = _search_target(side, sides["tuned"]) if name == "search" else ""
        rows.append([SIDES[name], *times, f"{side.best_score:.4f}", *(f"{value:,.0f}" for value in totals), target])
    columns = [
        *("side", "s to the score", "core s to the score", "best score"),
        *("s in all", "core s in all", "trials", "trials per hour", "target"),
    ]
    return Table(f"mean AUC {score:.4f} on the tuning rows of {results['data']}", columns, rows)


def _search_target(ours: TimeToScore, peer: TimeToScore) -> str:
    wall = (ours.seconds or float("inf")) / peer.total_seconds
    core = (ours.core_seconds or float("inf")) / peer.total_core_seconds
    shares = f"{wall:.2f} of the peer's whole time, {core:.2f} of its core time"
    return f"at most {TIME_SHARE:g} of the time: {verdict(wall, TIME_SHARE, below=True)}; {shares}"


def _costs_table(results: Results) -> Table:
    rows = []
    if "tiny" in results:
        runs = results["tiny"]
        overhead, spread = search_costs.median_and_spread([1e3 * search_costs.overhead_per_trial(run) for run in runs])
        target = f"at most {OVERHEAD_MS}: {verdict(overhead, OVERHEAD_MS, below=True)}"
        rows.append(["ms per further trial outside its job", f"{overhead:.0f} ({spread})", target])
        start, spread = search_costs.median_and_spread([search_costs.seconds_to_first_row(run) for run in runs])
        target = f"at most {FIRST_ROW_SECONDS}: {verdict(start, FIRST_ROW_SECONDS, below=True)}"
        rows.append(["s from the call to the first trained row", f"{start:.1f} ({spread})", target])
    if "search" in results:
        search = results["search"]
        for part, label in (("job_seconds", "jobs"), ("step_seconds", "training steps alone")):
            share = search_costs.share_of_worker_time(search, part)
            target = f"at least {JOB_SHARE:.0%}: {verdict(share, JOB_SHARE)}"
            rows.append([f"share of worker time in {label}", f"{share:.0%}", target])
        rows.append(["largest memory of a worker, MB", f"{search['worker_megabytes']:.0f}", ""])
    return Table("what a search costs beside training", ["cost", "measured", "target"], rows)


def _median_and_range(values: Sequence[float]) -> tuple[str, str]:
    return f"{median(values):,.0f}", f"{min(values):,.0f}-{max(values):,.0f}"


PARTS: dict[str, Callable[[Results], list[Table]]] = {
    "step": step_tables,
    "scale": scale_tables,
    "search": search_tables,
}


def page_with_results(page: str, results: Mapping[str, Results]) -> str:
    """Return the page with the tables of each measurement between its marks."""
    for name, part in results.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = page.split(start)
        text = "\n\n".join([*(table.markdown() for table in PARTS[part_of(name)](part)), _machine(part)])
        page = f"{before}{start}\n{text}\n{end}{rest.split(end)[1]}"
    return page


def part_of(name: str) -> str:
    """Return the part that results belong to: ``step-avx2`` -> ``step``."""
    return name.partition("-")[0]


def _machine(results: Results) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.items() if isinstance(version, str))
    return f"{machine['cores']} cores, {machine['memory_gib']} GiB; {versions}."


def main() -> None:
    """Write the tables of all saved measurements into the page."""
    paths = [path for path in sorted(RESULTS.glob("*.json")) if part_of(path.stem) in PARTS]
    PAGE.write_text(page_with_results(PAGE.read_text(), {path.stem: load(path) for path in paths}))


if __name__ == "__main__":
    main()
