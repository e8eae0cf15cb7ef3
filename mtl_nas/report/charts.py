"""The charts of a report, made by Altair from the frames of ``frames``.

Names of tasks, designs and nodes are values of rows, never names of fields, so that no mark in a name has a meaning.
"""

from typing import Any

import altair as alt
import pandas as pd

Chart = alt.Chart | alt.LayerChart

BLUE, ORANGE, GREEN, GREY, RED = "#0072b2", "#d55e00", "#007a5a", "#767676", "#b2182b"  # told apart by the colour-blind
VERDICTS = {"best": BLUE, "helped": GREEN, "harmed": RED, "tie": GREY, "better": GREEN, "worse": RED}
OUTCOMES = {
    "compared on fresh seeds": BLUE,
    "trained to the end": GREEN,
    "cut": GREY,
    "unfinished": ORANGE,
    "failed": RED,
}
ROW_HEIGHT = 24  # pixels of a design in a chart of intervals
LONGEST = 260  # pixels of a label
SMALL = 180  # pixels of the height of a chart that stands beside others


def against_the_best(frame: pd.DataFrame) -> Chart:
    """Differences from the best design with their 95 % intervals; columns design, low, difference, high, verdict."""
    return _with_legend_above(_intervals(frame, "difference of the score from the best design"))


def gains(frame: pd.DataFrame) -> Chart:
    """Gains of one task over the baseline, with intervals; columns design, low, difference, high, verdict."""
    return _with_legend_above(_intervals(frame, "gain over single-task training"))


def search_over_time(frame: pd.DataFrame) -> Chart:
    """Every trial in the order of its proposal, and the best so far; columns trial, name, score, best, outcome, ..."""
    base = alt.Chart(frame).encode(x=alt.X("trial:Q", title="proposal", axis=alt.Axis(tickMinStep=1)))
    best = base.mark_line(interpolate="step-after", color=ORANGE, strokeWidth=2).encode(
        y=alt.Y("best:Q", scale=alt.Scale(zero=False), title="score")
    )
    trials = base.mark_point(filled=True, size=60, opacity=0.8).encode(
        y=alt.Y("score:Q", scale=alt.Scale(zero=False)), color=_outcome(frame), tooltip=_trial_tooltip()
    )
    return _with_legend_above(best + trials)


def front(frame: pd.DataFrame) -> Chart:
    """Score against size; columns trial, name, score, parameters, macs, outcome, ..."""
    chart = (
        alt.Chart(frame)
        .mark_point(filled=True, size=70, opacity=0.8)
        .encode(
            x=alt.X(
                "parameters:Q", scale=alt.Scale(type="log"), title="trained parameters", axis=alt.Axis(format="~s")
            ),
            y=alt.Y("score:Q", scale=alt.Scale(zero=False), title="score"),
            color=_outcome(frame),
            tooltip=_trial_tooltip(),
        )
    )
    return _with_legend_above(chart)


def learning(frame: pd.DataFrame) -> Chart:
    """Scores at the rungs of each trial; columns trial, name, epochs, score, outcome."""
    chart = (
        alt.Chart(frame)
        .mark_line(point=True, opacity=0.6)
        .encode(
            x=alt.X("rows:Q", title="rows trained", axis=alt.Axis(format="~s")),
            y=alt.Y("score:Q", scale=alt.Scale(zero=False), title="best score so far"),
            detail="trial:N",
            color=_outcome(frame),
            tooltip=["name:N", alt.Tooltip("score:Q", format=".4f"), alt.Tooltip("rows:Q", format=",")],
        )
    )
    return _with_legend_above(chart)


def importance(frame: pd.DataFrame) -> Chart:
    """Differences between the best and worst group of each decision; columns decision, difference, low, high, ..."""
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("decision:N", sort=None, title=None, axis=alt.Axis(labelLimit=LONGEST)),
            x=alt.X("difference:Q", title="difference of the mean score between its best and its worst option"),
            color=alt.condition(alt.datum.measurable, alt.value(BLUE), alt.value("#c8c8c8")),
            tooltip=["decision:N", "best:N", "worst:N", alt.Tooltip("difference:Q", format="+.4f")],
        )
        .properties(height=_height(frame["decision"]))
    )
    noise = bars.mark_rule(color="#222").encode(x=alt.X("low:Q"), x2="high:Q", color=alt.value("#222"))
    return _with_legend_above(bars + noise)


def gates(frame: pd.DataFrame) -> Chart:
    """Mean weights that gates give their inputs; columns gate, input, weight."""
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            y=alt.Y("gate:N", sort=None, title=None, axis=alt.Axis(labelLimit=LONGEST)),
            x=alt.X("input:N", sort=None, title=None, axis=alt.Axis(labelAngle=-40, labelLimit=160)),
            color=alt.Color("weight:Q", scale=alt.Scale(scheme="blues", domainMin=0), title="mean weight"),
            tooltip=["gate:N", "input:N", alt.Tooltip("weight:Q", format=".3f")],
        )
        .properties(height=_height(frame["gate"]))
    )
    return _with_legend_above(chart)


def conflicts(frame: pd.DataFrame) -> Chart:
    """Cosines between the gradients of tasks; columns first, second, cosine, verdict."""
    cells = alt.Chart(frame).encode(
        x=alt.X("first:N", sort=None, title=None, axis=alt.Axis(labelAngle=-40, labelLimit=160)),
        y=alt.Y("second:N", sort=None, title=None, axis=alt.Axis(labelLimit=LONGEST)),
    )
    colour = alt.Color("cosine:Q", scale=alt.Scale(scheme="redblue", domain=[-1, 1]), title="cosine")
    tooltip = ["first:N", "second:N", alt.Tooltip("cosine:Q", format="+.3f"), "verdict:N"]
    squares = cells.mark_rect().encode(color=colour, tooltip=tooltip).properties(height=_height(frame["second"]))
    return _with_legend_above(squares + cells.mark_text().encode(text=alt.Text("cosine:Q", format="+.2f")))


def calibration(frame: pd.DataFrame) -> Chart:
    """Mean prediction and mean label of groups of rows of one task; columns predicted, observed, low, high, rows."""
    points = alt.Chart(frame).encode(
        x=alt.X("predicted:Q", title="mean prediction", scale=alt.Scale(zero=False)),
        y=alt.Y("observed:Q", title="mean label", scale=alt.Scale(zero=False)),
    )
    tooltip = [alt.Tooltip("predicted:Q", format=".4g"), alt.Tooltip("observed:Q", format=".4g"), "rows:Q"]
    line = points.mark_line(color=GREY, strokeDash=[4, 4]).encode(y=alt.Y("predicted:Q"))
    bars = points.mark_rule(color=BLUE).encode(y=alt.Y("low:Q"), y2="high:Q")
    marks = points.mark_point(filled=True, size=50, color=BLUE).encode(tooltip=tooltip)
    return _with_legend_above((line + bars + marks).properties(height=SMALL))


def distributions(frame: pd.DataFrame) -> Chart:
    """Histograms of the predictions of one task by label; columns label, start, end, share."""
    chart = (
        alt.Chart(frame)
        .mark_bar(opacity=0.6)
        .encode(
            x=alt.X("start:Q", bin="binned", title="prediction"),
            x2="end:Q",
            y=alt.Y("share:Q", title="share of rows", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color("label:N", scale=alt.Scale(range=[GREY, ORANGE]), title="label"),
            tooltip=["label:N", alt.Tooltip("start:Q", format=".3g"), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=SMALL)
    )
    return _with_legend_above(chart)


def _intervals(frame: pd.DataFrame, title: str) -> Any:
    shown = [verdict for verdict in VERDICTS if verdict in set(frame["verdict"])]
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=shown, range=[VERDICTS[verdict] for verdict in shown]), title=None
    )
    tooltip: list[Any] = [
        "design:N",
        "verdict:N",
        *(alt.Tooltip(f"{name}:Q", format="+.4f") for name in ("difference", "low", "high")),
    ]
    base = alt.Chart(frame).encode(
        y=alt.Y("design:N", sort=None, title=None, axis=alt.Axis(labelLimit=LONGEST)), color=colour, tooltip=tooltip
    )
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    points = base.mark_point(filled=True, size=80).encode(x="difference:Q")
    zero = alt.Chart(frame).mark_rule(color="#222", strokeDash=[3, 3]).encode(x=alt.datum(0))
    return alt.layer(zero, bars, points).properties(height=_height(frame["design"]))


def _height(rows: "pd.Series[Any]") -> int:
    """The height of a chart with a line for each different value."""
    return ROW_HEIGHT * int(rows.nunique())


def _outcome(frame: pd.DataFrame) -> alt.Color:
    shown = {outcome: colour for outcome, colour in OUTCOMES.items() if outcome in set(frame["outcome"])}
    return alt.Color("outcome:N", scale=alt.Scale(domain=list(shown), range=list(shown.values())), title=None)


def _trial_tooltip() -> list[Any]:
    return [
        "name:N",
        alt.Tooltip("score:Q", format=".4f"),
        alt.Tooltip("parameters:Q", format=","),
        alt.Tooltip("macs:Q", format=",", title="multiply-adds"),
        "outcome:N",
        "why:N",
    ]


def _with_legend_above(chart: Chart) -> Chart:
    configured: Chart = chart.configure_legend(orient="top")
    return configured
