"""The speed benchmarks count, compare and parse as documented; no peer library is needed and nothing is measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_operations_of_a_small_step_are_those_counted_by_hand():
    from benchmarks.speed.matrix_products import step_operations
    from benchmarks.speed.measurement import Sizes
    from benchmarks.speed.ours import architecture

    sizes = Sizes(fields=3, embedding=2, levels=5, experts=2, hidden=(4,), tower=())
    experts = 2 * (6 * 4)
    gates = 2 * (6 * 2 + 2 * 4)  # per task: gate logits, then the mixture of two experts of width 4
    towers = 2 * 4
    assert architecture(sizes).macs == experts + gates + towers
    assert step_operations(architecture(sizes), batch=10) == 6 * 10 * (experts + gates + towers)


def test_products_have_the_shape_of_the_first_level():
    from benchmarks.speed.matrix_products import shapes
    from benchmarks.speed.measurement import Sizes

    assert shapes(Sizes(), 4096)[1] == (4096, 320, 8 * 64)
    assert shapes(Sizes(model="ple"), 256)[1] == (256, 320, (2 + 2 * 2) * 64)


def test_the_best_product_counts(monkeypatch):
    from benchmarks.speed import matrix_products
    from benchmarks.speed.measurement import Settings, Sizes

    rates = {matrix_products.SINGLE: 3.0, matrix_products.HALF: 1.0}
    monkeypatch.setattr(matrix_products, "product_rates", lambda shape, dtype, settings: [rates[dtype], 1.0])
    assert matrix_products.rates(Sizes(), Settings(precision="auto")) == [3.0, 1.0]
    assert matrix_products.rates(Sizes(), Settings(precision="bfloat16")) == [1.0, 1.0]


@pytest.mark.parametrize("model", ["mmoe", "ple"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_our_side_measures_epochs_after_a_warm_up(model, norm):
    from benchmarks.speed.measure_once import side_function
    from benchmarks.speed.measurement import Settings, Sizes

    sizes = Sizes(model=model, rows=64, fields=3, levels=5, hidden=(4,), tower=(2,))
    rates = side_function("ours")(sizes, Settings(batch=32, seconds=0.0, norm=norm))
    assert len(rates) == 1
    assert rates[0] > 0


def test_a_measured_epoch_is_every_row_once():
    from benchmarks.speed.measurement import Settings, Sizes
    from benchmarks.speed.ours import new_member

    member = new_member(Sizes(rows=70, fields=3, levels=5, hidden=(4,)), Settings(batch=32))
    assert (member.steps_per_epoch, member.train_rows) == (3, 70)


def test_measurements_are_taken_once_per_round_in_order():
    from benchmarks.speed.alternating import alternate
    from benchmarks.speed.measurement import Measurement

    sides = []

    def measure(measurement):
        sides.append(measurement.side)
        return float(len(sides))

    rates = alternate(
        {"a": Measurement("ours"), "b": Measurement("torch-rechub")}, 2, log=lambda text: None, measure=measure
    )
    assert sides == ["ours", "torch-rechub", "ours", "torch-rechub"]
    assert rates == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_ratios_are_taken_pair_by_pair():
    from benchmarks.speed.alternating import Ratio, paired_ratio

    assert paired_ratio([10.0, 20.0, 90.0], [5.0, 20.0, 30.0]) == Ratio(1.0, 2.0, 3.0)


def test_a_measurement_survives_json():
    from benchmarks.speed.measurement import Measurement, Settings, Sizes

    measurement = Measurement("deepctr-torch", Sizes(model="ple", tower=()), Settings(batch=256, precision="bfloat16"))
    assert Measurement.from_json(json.loads(json.dumps(measurement.to_json()))) == measurement


def test_process_time_is_used_for_one_thread_on_the_processor_alone():
    import time

    from benchmarks.speed.measurement import Settings

    settings = Settings()
    assert settings.clock is time.process_time
    assert replace(settings, threads=2).clock is replace(settings, device="cuda").clock is time.perf_counter


def test_commands_take_the_options_that_their_docstrings_show():
    from benchmarks.speed import scale, search, step

    options = step.argument_parser().parse_args(["--models", "mmoe", "--batches", "1024", "--rounds", "3"])
    assert (options.models, options.batches, options.rounds, options.threads) == (["mmoe"], [1024], 3, 1)
    assert {"float32", "bfloat16"} <= set(step.argument_parser().parse_args([]).precisions)
    assert scale.argument_parser().parse_args(["--only", "experts"]).only == ["experts"]
    assert search.argument_parser().parse_args(["--only", "search", "tiny"]).only == ["search", "tiny"]
    with pytest.raises(SystemExit):
        step.argument_parser().parse_args(["--models", "esmm"])


def test_one_size_grows_at_a_time(monkeypatch):
    import torch

    from benchmarks.speed.measurement import Settings, Sizes
    from benchmarks.speed.scale import growing_sizes

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    growing = {name: list(sizes.values()) for name, sizes in growing_sizes(Sizes(), Settings()).items()}
    assert [case.sizes.levels * case.sizes.fields for case in growing["table rows"]] == [10**4, 10**5, 10**6, 10**7]
    assert {replace(case.sizes, tasks=2) for case in growing["tasks"]} == {Sizes()}
    assert [(case.settings.seeds, case.sizes) for case in growing["seeds"]] == [(n, Sizes()) for n in (1, 2, 4, 8)]


def test_a_score_is_reached_when_the_best_so_far_is():
    from benchmarks.speed.search_costs import final_score, time_to_score

    trials = [
        {"seconds": 10.0, "core_seconds": 9.0, "state": "COMPLETE", "scores": [0.95, 0.94]},
        {"seconds": 20.0, "core_seconds": 18.0, "state": "PRUNED", "scores": [0.99]},
        {"seconds": 30.0, "core_seconds": 27.0, "state": "COMPLETE", "scores": [0.96]},
    ]
    assert final_score(trials) == 0.96
    time = time_to_score(trials[::2], 0.96)
    assert (time.seconds, time.core_seconds, time.total_seconds, time.trials) == (30.0, 27.0, 30.0, 2)
    assert time_to_score(trials, 1.0).seconds is None


def test_overhead_is_counted_from_the_first_trial_on():
    from benchmarks.speed.search_costs import overhead_per_trial, seconds_to_first_row, share_of_worker_time

    def job(seconds, job_seconds, step_seconds, score):
        durations = {"job_seconds": job_seconds, "step_seconds": step_seconds}
        return {"seconds": seconds, "core_seconds": 0.0, "score": score, **durations}

    jobs = [job(9.0, 2.0, 1.0, 0.5), job(10.0, 0.9, 0.5, 0.6), job(11.0, 0.8, 0.5, 0.7), job(16.0, 5.0, 4.0, None)]
    search = {"jobs": jobs, "workers": 1, "seconds": 20.0}
    assert seconds_to_first_row(search) == 7.0
    assert overhead_per_trial(search) == pytest.approx((2.0 - 1.7) / 2)
    assert share_of_worker_time(search, "job_seconds") == pytest.approx(8.7 / 20)
    assert share_of_worker_time(search, "step_seconds") == pytest.approx(6.0 / 20)


def test_the_page_shows_measurements_and_missed_targets():
    from benchmarks.speed.report import page_with_results

    rates = {"ours, float32": [40.0, 50.0], "torch-rechub": [10.0, 10.0], "deepctr-torch": [20.0, 25.0]}
    sides = {"model": "mmoe", "batch": 1024, "device": "cpu", "rates": rates}
    large = {"ours, float32": [1e6], "matrix products, float32": [1e10]}
    products = {"model": "mmoe", "batch": 4096, "device": "cpu", "rates": large, "macs": 1000}
    results = {"step": {"cases": [sides, products], "machine": {"cores": 2, "memory_gib": 24, "torch": "2.13.0"}}}
    page = page_with_results("before\n<!-- step -->\nold\n<!-- end of step -->\nafter", results)
    assert page.startswith("before\n<!-- step -->")
    assert page.endswith("<!-- end of step -->\nafter")
    assert "| ours, float32 | 45 | 40-50 | 4.50 (4.00-5.00) | 2.00 (2.00-2.00) |  |" in page
    assert "| torch-rechub | 10 | 10-10 |  |  | 4.50 (4.00-5.00) |" in page
    assert "3.5 x torch-rechub: met; 2.5 x deepctr-torch: missed by 20 %" in page
    assert "| 6 | 10 | 0.60 (0.60-0.60) | 45%: met |" in page
    assert "old" not in page
    other = page_with_results("<!-- step-avx2 -->\nold\n<!-- end of step-avx2 -->", {"step-avx2": results["step"]})
    assert "| torch-rechub | 10 | 10-10 |  |  | 4.50 (4.00-5.00) |" in other


def test_targets_of_a_step_are_higher_on_a_gpu():
    from benchmarks.speed.report import step_tables

    rates = {"ours, float32": [3e6], "ours, auto": [4e6], "torch-rechub": [1e5], "deepctr-torch": [2e5]}
    (table,) = step_tables({"cases": [{"model": "mmoe", "batch": 1024, "device": "cuda", "rates": rates}]})
    assert table.rows[0][-1] == ""
    assert table.rows[1][-1] == "20 x torch-rechub: met; 5 million rows per second: missed by 20 %"


def test_a_search_is_compared_with_the_whole_time_of_the_tuned_peer():
    from benchmarks.speed.report import search_tables

    trial = {"seconds": 100.0, "core_seconds": 80.0, "state": "COMPLETE", "scores": [0.97]}
    job = {"seconds": 20.0, "core_seconds": 20.0, "score": 0.98, "job_seconds": 12.0, "step_seconds": 8.0}
    search = {
        "seconds": 40.0,
        "core_seconds": 50.0,
        "workers": 1,
        "trials": 3,
        "worker_megabytes": 500.0,
        "jobs": [job],
    }
    table, costs = search_tables({"data": "census-income", "tuned": [trial], "search": search})
    target = "at most 0.1 of the time: missed by 100 %; 0.20 of the peer's whole time, 0.25 of its core time"
    assert table.rows[1] == ["ours", "20", "20", "0.9800", "40", "50", "3", "270", target]
    assert costs.rows[0] == ["share of worker time in jobs", "30%", "at least 85%: missed by 65 %"]
    assert costs.rows[1][:2] == ["share of worker time in training steps alone", "20%"]


def test_the_page_has_marks_for_every_measurement():
    from benchmarks.speed.report import PAGE, PARTS, RESULTS, part_of

    page = PAGE.read_text()
    measured = [path.stem for path in RESULTS.glob("*.json") if part_of(path.stem) in PARTS]
    for name in {*PARTS, *measured}:
        assert page.count(f"<!-- {name} -->") == page.count(f"<!-- end of {name} -->") == 1


def test_a_growth_above_its_limit_misses_the_target():
    from benchmarks.speed.report import scale_tables

    steps = {"experts": {"8": [0.01, 0.02], "64": [0.08, 0.16]}}
    workers = {"1": [100.0], "2": [150.0]}
    results = {"steps": steps, "workers": workers, "model": "mmoe", "batch": 1024}
    seeds = {"seeds": {"1": [0.01, 0.02], "8": [0.03, 0.06]}}
    assert scale_tables({**results, "steps": seeds})[0].rows[-1][-1] == "at most 2 on a GPU: no GPU"
    on_gpu, _ = scale_tables({**results, "steps": seeds, "devices": {"seeds": "cuda"}})
    assert on_gpu.title.endswith(", cuda")
    assert on_gpu.rows[-1][-1] == "at most 2: missed by 50 %"
    experts, small_search = scale_tables(results)
    assert experts.rows[-1][-1] == "at most 6.5: missed by 23 %"
    assert small_search.rows[-1][-1] == "1.50 (1.50-1.50)"
