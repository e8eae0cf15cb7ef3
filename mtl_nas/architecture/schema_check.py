"""Whether a graph reads the columns and predicts the tasks of a schema."""

from mtl_nas.architecture.graph import Architecture
from mtl_nas.blocks import Embedding, Sequence
from mtl_nas.data.schema import Schema
from mtl_nas.errors import ArchitectureError
from mtl_nas.values import nearest


def refuse_mismatch(architecture: Architecture, schema: Schema) -> None:
    """An ArchitectureError that names the first node or head that was made for another schema."""
    for node in architecture.nodes:
        if isinstance(node.block, Embedding):
            _check_columns(node.name, node.block, schema)
        elif isinstance(node.block, Sequence):
            _check_sequence(node.name, node.block, schema)
    for head in architecture.heads:
        if head.task not in schema.task_names:
            hint = nearest(head.task, schema.task_names) or f"; tasks: {', '.join(schema.task_names)}"
            raise ArchitectureError(f"a head predicts '{head.task}', which is no task of the data{hint}")
        task, width = schema.task(head.task), architecture.widths[head.node]
        if (head.kind, width) != (task.kind, task.outputs):
            raise ArchitectureError(
                f"the head of '{head.task}' is {head.kind} of width {width}, the task is {task.kind} of {task.outputs}"
            )


def _check_columns(name: str, block: Embedding, schema: Schema) -> None:
    read = {field.name: field.size for field in block.categories} | dict.fromkeys(block.numbers, 0)
    there = {column.name: column.size for column in schema.categories} | {n.name: 0 for n in schema.numbers}
    strange = [column for column in read if column not in there] or [column for column in there if column not in read]
    if strange:
        raise ArchitectureError(f"node '{name}' was made for other columns than the data has, such as '{strange[0]}'")
    other = [column for column in read if read[column] != there[column]]
    if other:
        raise ArchitectureError(
            f"node '{name}' has {read[other[0]]} ids for column '{other[0]}', the data has {there[other[0]]}"
        )
    if list(read) != list(there) or set(block.missing) != {column.name for column in schema.numbers if column.missing}:
        raise ArchitectureError(f"node '{name}' was made for other columns than the data has, or in another order")


def _check_sequence(name: str, block: Sequence, schema: Schema) -> None:
    known = {sequence.name: sequence for sequence in schema.sequences}
    if block.name not in known:
        raise ArchitectureError(f"node '{name}' reads the sequence '{block.name}', which the data has not")
    found = known[block.name]
    if (block.sizes, block.length) != (found.sizes, found.length) or block.properties not in (0, found.properties):
        raise ArchitectureError(f"node '{name}' was made for another vocabulary or length of '{block.name}'")
