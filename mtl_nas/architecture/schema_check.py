"""Check that a graph reads the columns and predicts the tasks of a schema."""

from mtl_nas.architecture.graph import Architecture
from mtl_nas.data import Schema
from mtl_nas.errors import ArchitectureError
from mtl_nas.values import nearest


def refuse_mismatch(architecture: Architecture, schema: Schema) -> None:
    """Raise an ArchitectureError that names the first node or head that was made for another schema."""
    for node in architecture.nodes:
        if mismatch := node.block.mismatch(schema):
            raise ArchitectureError(f"node '{node.name}' {mismatch}")
    for head in architecture.heads:
        if head.task not in schema.task_names:
            hint = nearest(head.task, schema.task_names) or f"; tasks: {', '.join(schema.task_names)}"
            raise ArchitectureError(f"a head predicts '{head.task}', which is no task of the data{hint}")
        task, width = schema.task(head.task), architecture.widths[head.node]
        if (head.kind, width) != (task.kind, task.outputs):
            raise ArchitectureError(
                f"the head of '{head.task}' is {head.kind} of width {width}, the task is {task.kind} of {task.outputs}"
            )
