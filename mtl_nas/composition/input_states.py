"""The nodes that read columns and histories: the states below the first level, and queries of gates."""

from mtl_nas.blocks import Concat, Embedding, FieldMean, History, Scaling, TaskEmbedding, Vocabulary
from mtl_nas.composition.graph_builder import SHARED, GraphBuilder, Owner, OwnerStates
from mtl_nas.composition.member_nodes import for_members
from mtl_nas.composition.number_groups import encodings_of_numbers
from mtl_nas.data import HistoryColumns, Schema
from mtl_nas.design import Histories, Inputs


class InputNodes:
    """The nodes that read columns and histories."""

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder, self.inputs, self.sequences = builder, builder.design.inputs, builder.schema.sequences
        self.embedding = _embedding(self.inputs, builder.schema)
        self.reads_columns = bool(self.embedding.categories or self.embedding.numbers)
        has_tables = bool(self.embedding.fields or self.sequences)
        self.owns_tables = self.inputs.tables == "task" and has_tables

    def states(self) -> OwnerStates:
        """One state for all owners, or one per task and a shared one."""
        owners, shared = self.builder.owners, (self._state(SHARED),)
        own = {task: (self._state(task),) for task in owners.tasks} if self.owns_tables else {}
        return {**dict.fromkeys(owners.all, shared), **own}

    def _state(self, owner: Owner) -> str:
        parts = []
        if self.reads_columns:
            parts.append(self.builder.add(f"embedding{owner.suffix}", self.embedding))
        for sequence in self.sequences:
            block = _history(self.inputs, sequence, reads_columns=self.reads_columns)
            context = parts[:1] if block.has_context else []
            parts.append(self.builder.add(f"sequence/{sequence.name}{owner.suffix}", block, *context))
        state = parts[0] if len(parts) == 1 else self.builder.add(f"features{owner.suffix}", Concat(), *parts)
        if self.inputs.scale:
            state = self.builder.add(f"scaled{owner.suffix}", Scaling(), state)
        return for_members(self.builder, state)

    def fields_query(self, owner: Owner) -> str:
        """The mean of the fields' embeddings beside a learned embedding of the task (MetaHeac, Zhu et al., 2021)."""
        suffix = owner.suffix if self.owns_tables and owner.kind == "task" else ""
        parts = []
        if self.reads_columns:
            node, fields = f"embedding{suffix}", self.embedding.fields
            mean = FieldMean(fields=fields, width=self.embedding.width) if fields > 1 else None
            parts.append(self.builder.add(f"fields{suffix}", mean, node) if mean else node)
        parts += [f"sequence/{sequence.name}{suffix}" for sequence in self.sequences]
        if owner.kind == "task":
            vector = TaskEmbedding(width=self.inputs.embedding)
            parts.append(self.builder.add(f"task_embedding/{owner.name}", vector, role="task_embedding"))
        query = parts[0] if len(parts) == 1 else self.builder.add(f"query{owner.suffix}", Concat(), *parts)
        return for_members(self.builder, query)


def _embedding(inputs: Inputs, schema: Schema) -> Embedding:
    """Return the block that reads columns; options without effect have their defaults, as equal graphs need that."""
    each = encodings_of_numbers(inputs.numbers, schema)
    alike = len(set(each)) <= 1 and len(each[0] if each else ("standard",)) == 1
    block = Embedding(
        categories=tuple(Vocabulary(name=column.name, size=column.size) for column in schema.categories),
        numbers=tuple(column.name for column in schema.numbers),
        missing=tuple(column.name for column in schema.numbers if column.missing),
        encoding=each[0][0] if alike and each else "standard",
        encodings=() if alike else each,
    )
    options: dict[str, object] = {}
    if block.fields:
        options["width"] = inputs.embedding
    if block.tabled:
        options["buckets"] = inputs.buckets
    if block.waves:
        options["frequency"] = inputs.frequency
    return block.model_copy(update=options)


def _history(inputs: Inputs, sequence: HistoryColumns, *, reads_columns: bool) -> History:
    """Return the block that reads a sequence; options without effect have their defaults."""
    histories: Histories = inputs.histories
    gated = histories.kind == "property_gated_lstm" and sequence.properties > 0
    kind = "lstm" if histories.kind == "property_gated_lstm" and not gated else histories.kind
    options: dict[str, object] = {"kind": kind, "properties": sequence.properties if gated else 0}
    if kind != "mean":
        options["hidden"] = histories.hidden
    if histories.attention != "none":
        options["attention"] = histories.attention
        options["attention_hidden"] = histories.attention_hidden
        options["context"] = reads_columns and histories.context == "features"
    block = History(name=sequence.name, sizes=sequence.sizes, length=sequence.length, width=inputs.embedding)
    return block.model_copy(update=options)
