"""A comparison as HTML, for a notebook."""

from mtl_nas import html
from mtl_nas.comparison.comparison import Comparison
from mtl_nas.comparison.tables import against, cell_text, one_seed, plain, sentence, short, signed, trees_sentence


def comparison_html(comparison: Comparison) -> str:
    """The verdict, and a line per design."""
    schema = comparison.schema
    tasks = [task for task in schema.task_names if any(task in row.cells for row in comparison.rows)]
    columns = ["design", "seeds", "score", "gain", "against the best (95 %)"]
    columns += [f"{task} {schema.task(task).main_metric.upper()}" for task in tasks]
    rows = [
        [row.name, str(row.seeds), plain(row.score), signed(row.gain), against(row)]
        + [cell_text(row, task) for task in tasks]
        + ["" if row.cost is None else short(row.cost.parameters)]
        for row in comparison.rows
    ]
    remarks = [text for text in (one_seed(comparison), trees_sentence(comparison)) if text]
    head = html.heading(f"Designs on {comparison.data}, test rows.", sentence(comparison))
    return head + html.table([*columns, "parameters"], rows) + "".join(map(html.paragraph, remarks))
