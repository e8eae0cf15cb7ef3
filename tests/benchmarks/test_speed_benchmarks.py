"""The speed benchmarks: what they count, how they compare, what they take; without peers and without measuring."""

from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks_are_there(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_operations_of_a_small_step_are_those_counted_by_hand():
    from benchmarks.speed.ours import graph
    from benchmarks.speed.products import step_operations
    from benchmarks.speed.sizes import Sizes

    sizes = Sizes(fields=3, embedding=2, levels=5, experts=2, hidden=(4,), tower=())
    experts = 2 * (6 * 4)
    gates = 2 * (6 * 2 + 2 * 4)  # asking, then mixing two experts of width 4; one a task
    towers = 2 * 4
    assert graph(sizes).macs == experts + gates + towers
    assert step_operations(graph(sizes), batch=10) == 6 * 10 * (experts + gates + towers)


def test_products_have_the_shape_of_the_first_level():
    from benchmarks.speed.products import shapes
    from benchmarks.speed.sizes import Sizes

    assert shapes(Sizes(), 4096)[1] == (4096, 320, 8 * 64)
    assert shapes(Sizes(model="ple"), 256)[1] == (256, 320, (2 + 2 * 2) * 64)


def test_the_best_product_counts(monkeypatch):
    from benchmarks.speed import products
    from benchmarks.speed.sizes import Measured, Sizes

    rates = {products.SINGLE: 3.0, products.HALF: 1.0}
    monkeypatch.setattr(products, "shape_rates", lambda shape, dtype, measured: [rates[dtype], 1.0])
    assert products.rate(Sizes(), Measured(precision="auto")) == [3.0, 1.0]
    assert products.rate(Sizes(), Measured(precision="bfloat16")) == [1.0, 1.0]


@pytest.mark.parametrize("model", ["mmoe", "ple"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_our_side_measures_epochs_after_a_warm_up(model, norm):
    from benchmarks.speed.once import side
    from benchmarks.speed.sizes import Measured, Sizes

    sizes = Sizes(model=model, rows=64, fields=3, levels=5, hidden=(4,), tower=(2,))
    rates = side("ours")(sizes, Measured(batch=32, seconds=0.0, norm=norm))
    assert len(rates) == 1
    assert rates[0] > 0


def test_a_measured_epoch_is_every_row_once():
    from benchmarks.speed.ours import begun
    from benchmarks.speed.sizes import Measured, Sizes

    member = begun(Sizes(rows=70, fields=3, levels=5, hidden=(4,)), Measured(batch=32))
    assert (member.steps_per_epoch, member.train_rows) == (3, 70)


def test_every_call_is_taken_once_a_round_in_its_order():
    from benchmarks.speed.alternating import alternated
    from benchmarks.speed.sizes import Call

    taken = []

    def run(call):
        taken.append(call.side)
        return float(len(taken))

    rates = alternated({"a": Call("ours"), "b": Call("torch-rechub")}, 2, said=lambda text: None, run=run)
    assert taken == ["ours", "torch-rechub", "ours", "torch-rechub"]
    assert rates == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_ratios_are_of_pairs_and_not_of_medians():
    from benchmarks.speed.alternating import Ratio, ratio

    assert ratio([10.0, 20.0, 90.0], [5.0, 20.0, 30.0]) == Ratio(1.0, 2.0, 3.0)


def test_a_call_goes_to_its_process_and_back():
    from benchmarks.speed.sizes import Call, Measured, Sizes, read

    call = Call("deepctr-torch", Sizes(model="ple", tower=()), Measured(batch=256, precision="bfloat16"))
    assert read(call.tree()) == call


def test_other_work_beside_is_not_counted_for_one_thread_alone():
    import time

    from benchmarks.speed.sizes import Measured

    one = Measured()
    assert one.clock is time.process_time
    assert replace(one, threads=2).clock is replace(one, device="cuda").clock is time.perf_counter


def test_commands_take_what_their_first_lines_say():
    from benchmarks.speed import scale, search, step

    asked = step.parser().parse_args(["--models", "mmoe", "--batches", "1024", "--rounds", "3"])
    assert (asked.models, asked.batches, asked.rounds, asked.threads) == (["mmoe"], [1024], 3, 1)
    assert {"float32", "bfloat16"} <= set(step.parser().parse_args([]).precisions)
    assert scale.parser().parse_args(["--only", "experts"]).only == ["experts"]
    assert search.parser().parse_args(["--only", "search", "tiny"]).only == ["search", "tiny"]
    with pytest.raises(SystemExit):
        step.parser().parse_args(["--models", "esmm"])


def test_sizes_grow_alone(monkeypatch):
    import torch

    from benchmarks.speed.scale import grown
    from benchmarks.speed.sizes import Measured, Sizes

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = {name: list(calls.values()) for name, calls in grown(Sizes(), Measured()).items()}
    assert [one.sizes.levels * one.sizes.fields for one in found["table rows"]] == [10**4, 10**5, 10**6, 10**7]
    assert {replace(one.sizes, tasks=2) for one in found["tasks"]} == {Sizes()}
    assert [(one.measured.seeds, one.sizes) for one in found["seeds"]] == [(n, Sizes()) for n in (1, 2, 4, 8)]


def test_a_score_is_reached_when_the_best_so_far_is():
    from benchmarks.speed.spent import ended_with, reached

    trials = [
        {"seconds": 10.0, "core_seconds": 9.0, "state": "COMPLETE", "scores": [0.95, 0.94]},
        {"seconds": 20.0, "core_seconds": 18.0, "state": "PRUNED", "scores": [0.99]},
        {"seconds": 30.0, "core_seconds": 27.0, "state": "COMPLETE", "scores": [0.96]},
    ]
    assert ended_with(trials) == 0.96
    found = reached(trials[::2], 0.96)
    assert (found.seconds, found.core_seconds, found.whole, found.trials) == (30.0, 27.0, 30.0, 2)
    assert reached(trials, 1.0).seconds is None


def test_time_beside_work_is_counted_from_the_first_trial_on():
    from benchmarks.speed.spent import beside, first_row, share

    def job(seconds, worked, stepped, score):
        return {"seconds": seconds, "core_seconds": 0.0, "worked": worked, "stepped": stepped, "score": score}

    jobs = [job(9.0, 2.0, 1.0, 0.5), job(10.0, 0.9, 0.5, 0.6), job(11.0, 0.8, 0.5, 0.7), job(16.0, 5.0, 4.0, None)]
    search = {"jobs": jobs, "workers": 1, "seconds": 20.0}
    assert first_row(search) == 7.0
    assert beside(search) == pytest.approx((2.0 - 1.7) / 2)
    assert share(search, "worked") == pytest.approx(8.7 / 20)
    assert share(search, "stepped") == pytest.approx(6.0 / 20)


def test_the_page_shows_what_was_measured_and_what_is_missed():
    from benchmarks.speed.report import written

    rates = {"ours, float32": [40.0, 50.0], "torch-rechub": [10.0, 10.0], "deepctr-torch": [20.0, 25.0]}
    sides = {"model": "mmoe", "batch": 1024, "device": "cpu", "rates": rates}
    large = {"ours, float32": [1e6], "matrix products, float32": [1e10]}
    products = {"model": "mmoe", "batch": 4096, "device": "cpu", "rates": large, "macs": 1000}
    kept = {"step": {"cases": [sides, products], "machine": {"cores": 2, "memory_gib": 24, "torch": "2.13.0"}}}
    page = written("before\n<!-- step -->\nold\n<!-- end of step -->\nafter", kept)
    assert page.startswith("before\n<!-- step -->")
    assert page.endswith("<!-- end of step -->\nafter")
    assert "| ours, float32 | 45 | 40-50 | 4.50 (4.00-5.00) | 2.00 (2.00-2.00) |  |" in page
    assert "| torch-rechub | 10 | 10-10 |  |  | 4.50 (4.00-5.00) |" in page
    assert "3.5 x torch-rechub: met; 2.5 x deepctr-torch: missed by 20 %" in page
    assert "| 6 | 10 | 0.60 (0.60-0.60) | 45%: met |" in page
    assert "old" not in page
    other = written("<!-- step-avx2 -->\nold\n<!-- end of step-avx2 -->", {"step-avx2": kept["step"]})
    assert "| torch-rechub | 10 | 10-10 |  |  | 4.50 (4.00-5.00) |" in other


def test_on_a_gpu_more_is_wanted_of_a_step():
    from benchmarks.speed.report import step_tables

    rates = {"ours, float32": [3e6], "ours, auto": [4e6], "torch-rechub": [1e5], "deepctr-torch": [2e5]}
    (table,) = step_tables({"cases": [{"model": "mmoe", "batch": 1024, "device": "cuda", "rates": rates}]})
    assert table.rows[0][-1] == ""
    assert table.rows[1][-1] == "20 x torch-rechub: met; 5 million rows a second: missed by 20 %"


def test_a_search_is_held_against_the_whole_time_of_the_tuned_peer():
    from benchmarks.speed.report import search_tables

    trial = {"seconds": 100.0, "core_seconds": 80.0, "state": "COMPLETE", "scores": [0.97]}
    job = {"seconds": 20.0, "core_seconds": 20.0, "score": 0.98, "worked": 12.0, "stepped": 8.0}
    whole = {"seconds": 40.0, "core_seconds": 50.0, "workers": 1, "trials": 3, "megabytes": 500.0, "jobs": [job]}
    table, costs = search_tables({"data": "census-income", "tuned": [trial], "search": whole})
    words = "at most 0.1 of the time: missed by 100 %; 0.20 of the peer's whole time, 0.25 of its core time"
    assert table.rows[1] == ["ours", "20", "20", "0.9800", "40", "50", "3", "270", words]
    assert costs.rows[0][1] == "20%-30%"


def test_the_page_has_a_place_for_every_measurement():
    from benchmarks.speed.report import PAGE, PARTS, RESULTS, part_of

    page = PAGE.read_text()
    kept = [path.stem for path in RESULTS.glob("*.json") if part_of(path.stem) in PARTS]
    for name in {*PARTS, *kept}:
        assert page.count(f"<!-- {name} -->") == page.count(f"<!-- end of {name} -->") == 1


def test_a_growth_that_is_too_large_is_missed():
    from benchmarks.speed.report import scale_tables

    steps = {"experts": {"8": [0.01, 0.02], "64": [0.08, 0.16]}}
    workers = {"1": [100.0], "2": [150.0]}
    kept = {"steps": steps, "workers": workers, "model": "mmoe", "batch": 1024}
    seeds = {"seeds": {"1": [0.01, 0.02], "8": [0.03, 0.06]}}
    assert scale_tables({**kept, "steps": seeds})[0].rows[-1][-1] == "at most 2 on a GPU: no GPU"
    on_gpu, _ = scale_tables({**kept, "steps": seeds, "devices": {"seeds": "cuda"}})
    assert on_gpu.title.endswith(", cuda")
    assert on_gpu.rows[-1][-1] == "at most 2: missed by 50 %"
    experts, small = scale_tables(kept)
    assert experts.rows[-1][-1] == "at most 6.5: missed by 23 %"
    assert small.rows[-1][-1] == "1.50 (1.50-1.50)"
