"""MetaHeac's own setting: every advertising campaign is a task; a new campaign is learned from few rows.

python examples/campaigns.py
"""

import numpy as np
import pandas as pd

import mtl_nas as mn

OLD, NEW, ROWS = "ABCDEFGH", "Z", 400  # rows a campaign


def shown(campaign: str, rows: int, seed: int) -> pd.DataFrame:
    """Who saw a campaign and clicked: tastes that all campaigns share, each weighs them its own way."""
    draw, own = np.random.default_rng([seed, ord(campaign)]), np.random.default_rng(ord(campaign))
    age, income, visits = draw.normal(size=(3, rows))
    tastes = np.stack([np.sin(2 * age) * income, np.abs(visits) - 0.8, age * visits], axis=1)
    liking = tastes @ own.normal(0.8, 0.6, 3) - 0.5
    click = draw.logistic(size=rows) < 2 * liking
    return pd.DataFrame({"campaign": campaign, "age": age, "income": income, "visits": visits, "click": click * 1})


def main() -> None:
    table = pd.concat([shown(campaign, ROWS, seed=0) for campaign in OLD], ignore_index=True)
    data = mn.load_dataset(table, {"click": {"kind": "binary"}}, group="campaign")
    print(f"tasks: {', '.join(data.schema.task_names)}")
    design = mn.preset("metaheac", data.schema)
    few, split = shown(NEW, 3000, seed=1), mn.Split(validation=0.1, test=0.8)  # 300 rows train, 2,400 judge
    for name, meta in (("jointly", None), ("by meta-learning", mn.Meta(order=1, inner_rate=0.02))):
        training = mn.Training(epochs=12, batch_size=256, learning_rate=5e-3, meta=meta)
        result = mn.evaluate(design, data, training, split="test")
        mean = np.mean([scores["auc"] for scores in result.scores.values() if scores["auc"] is not None])
        print(f"trained {name}: mean AUC of the old campaigns {mean:.3f}")
        for mode in ("finetuned", "inner"):
            found = result.model.adapt(few, f"click@{NEW}", mode=mode, split=split, seeds=2)
            low, high = found.gain.low, found.gain.high
            word = "a tie with" if found.gain.tie else "against"
            print(
                f"  campaign {NEW}, {found.rows} rows, {mode}: {np.mean(found.adapted):.3f}, "
                f"{word} {np.mean(found.scratch):.3f} from scratch ({low:+.3f} to {high:+.3f})"
            )


if __name__ == "__main__":
    main()
