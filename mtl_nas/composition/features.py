"""Columns and histories: the states below the first level, and what gates may ask beside states."""

from mtl_nas.blocks import Concat, Embedding, FieldMean, History, TaskEmbedding, Vocabulary
from mtl_nas.composition.graph_builder import SHARED, Owner, Owners, Sheet, States
from mtl_nas.data.schema import Schema, Sequence
from mtl_nas.design import Histories, Inputs


def features(sheet: Sheet, inputs: Inputs, schema: Schema, owners: Owners) -> States:
    """What every owner reads: one state for all, or one a task and a shared one."""
    embedding = _embedding(inputs, schema)
    if inputs.tables == "shared" or not (embedding.table_rows or schema.sequences):
        return dict.fromkeys(owners.every, (_features(sheet, inputs, embedding, schema, SHARED),))
    shared = (_features(sheet, inputs, embedding, schema, SHARED),)
    own = {task: (_features(sheet, inputs, embedding, schema, task),) for task in owners.tasks}
    return {**dict.fromkeys(owners.every, shared), **own}


def fields_query(sheet: Sheet, inputs: Inputs, schema: Schema, owner: Owner) -> str:
    """The mean of the fields' embeddings beside a learned embedding of the owner (MetaHeac, Zhu et al., 2021)."""
    kinds = ("embedding", *(f"sequence/{history.name}" for history in schema.sequences))
    suffix = owner.suffix if any(f"{kind}{owner.suffix}" in sheet.nodes for kind in kinds) else ""
    parts = []
    if f"embedding{suffix}" in sheet.nodes:
        block = sheet.nodes[f"embedding{suffix}"].block
        assert isinstance(block, Embedding)
        mean = FieldMean(fields=block.fields, width=block.width) if block.fields > 1 else None
        parts.append(sheet.add(f"fields{suffix}", mean, f"embedding{suffix}") if mean else f"embedding{suffix}")
    parts += [f"sequence/{history.name}{suffix}" for history in schema.sequences]
    if owner.kind == "task":
        vector = TaskEmbedding(width=inputs.embedding)
        parts.append(sheet.add(f"task_embedding/{owner.name}", vector, role="task_embedding"))
    return parts[0] if len(parts) == 1 else sheet.add(f"query{owner.suffix}", Concat(), *parts)


def _embedding(inputs: Inputs, schema: Schema) -> Embedding:
    block = Embedding(
        categories=tuple(Vocabulary(name=column.name, size=column.size) for column in schema.categories),
        numbers=tuple(column.name for column in schema.numbers),
        missing=tuple(column.name for column in schema.numbers if column.missing),
        width=inputs.embedding,
        encoding=inputs.numbers if schema.numbers else "standard",
        buckets=inputs.buckets if inputs.numbers in ("bucket", "piecewise") and schema.numbers else 32,
    )
    # without a table nothing has that width
    return block if block.table_rows else block.model_copy(update={"width": Embedding().width})


def _features(sheet: Sheet, inputs: Inputs, embedding: Embedding, schema: Schema, owner: Owner) -> str:
    columns = bool(embedding.categories or embedding.numbers)
    parts = [sheet.add(f"embedding{owner.suffix}", embedding)] if columns else []
    for history in schema.sequences:
        block = _reader(inputs.histories, history, inputs.embedding, context=columns)
        context = parts[:1] if block.has_context else []
        parts.append(sheet.add(f"sequence/{history.name}{owner.suffix}", block, *context))
    return parts[0] if len(parts) == 1 else sheet.add(f"features{owner.suffix}", Concat(), *parts)


def _reader(histories: Histories, history: Sequence, width: int, *, context: bool) -> History:
    """Options that change nothing stand at their defaults."""
    kind = histories.kind
    if kind == "property_gated_lstm" and not history.properties:
        kind = "lstm"  # without a property nothing but the items moves the gates
    block = History(
        name=history.name, sizes=history.sizes, properties=history.properties, length=history.length, width=width
    )
    options: dict[str, object] = {"kind": kind}
    if kind != "mean":
        options["hidden"] = histories.hidden
    if kind != "property_gated_lstm":
        options["properties"] = 0  # they are columns as the others
    if histories.attention != "none":
        options["attention"] = histories.attention
        options["attention_hidden"] = histories.attention_hidden
        options["context"] = context and histories.context == "features"
    return block.model_copy(update=options)
