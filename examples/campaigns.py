"""Campaigns as tasks: the setting of MetaHeac, in which a new campaign is learned from few rows.

python examples/campaigns.py
"""

import numpy as np
import pandas as pd

import mtl_nas as mn

OLD, NEW = "ABCDEFGH", "Z"
ROWS = 400  # rows per old campaign


def impressions(campaign: str, rows: int, seed: int) -> pd.DataFrame:
    """Rows of one campaign: all campaigns share three tastes, and each campaign weighs them differently."""
    rng = np.random.default_rng([seed, ord(campaign)])
    weights = np.random.default_rng(ord(campaign)).normal(0.8, 0.6, 3)
    age, income, visits = rng.normal(size=(3, rows))
    tastes = np.stack([np.sin(2 * age) * income, np.abs(visits) - 0.8, age * visits], axis=1)
    liking = tastes @ weights - 0.5
    click = rng.logistic(size=rows) < 2 * liking
    return pd.DataFrame({"campaign": campaign, "age": age, "income": income, "visits": visits, "click": click * 1})


def main() -> None:
    table = pd.concat([impressions(campaign, ROWS, seed=0) for campaign in OLD], ignore_index=True)
    data = mn.load_dataset(table, {"click": {"kind": "binary"}}, group="campaign")
    print(f"tasks: {', '.join(data.schema.task_names)}")
    design = mn.preset("metaheac", data.schema)
    new, split = impressions(NEW, 3000, seed=1), mn.Split(validation=0.1, test=0.8)  # 300 rows train, 2,400 test
    for name, meta in (("jointly", None), ("by meta-learning", mn.Meta(order=1, inner_rate=0.02))):
        training = mn.Training(epochs=12, batch_size=256, learning_rate=5e-3, meta=meta)
        result = mn.evaluate(design, data, training, split="test")
        mean = np.mean([scores["auc"] for scores in result.scores.values() if scores["auc"] is not None])
        print(f"trained {name}: mean AUC of the old campaigns {mean:.3f}")
        for mode in ("finetuned", "inner"):
            adaptation = result.model.adapt(new, f"click@{NEW}", mode=mode, split=split, seeds=2)
            low, high = adaptation.gain.low, adaptation.gain.high
            word = "a tie with" if adaptation.gain.tie else "against"
            print(
                f"  campaign {NEW}, {adaptation.rows} rows, {mode}: {np.mean(adaptation.adapted):.3f}, "
                f"{word} {np.mean(adaptation.scratch):.3f} from scratch ({low:+.3f} to {high:+.3f})"
            )


if __name__ == "__main__":
    main()
