"""The columns and predictions of a model, for /schema and /openapi.json."""

from collections.abc import Mapping
from typing import Any

from mtl_nas.data import Category, Schema, features_of
from mtl_nas.exports import Model
from mtl_nas.exports.ensemble_folder import common_heads
from mtl_nas.serving.bodies import ARROW, JSON

TEXT, NUMBER, BOOLEAN, NULL = ({"type": kind} for kind in ("string", "number", "boolean", "null"))
VALUES: Mapping[str, Any] = {
    "category": {"anyOf": [TEXT, NUMBER, BOOLEAN, NULL]},
    "number": {"anyOf": [NUMBER, TEXT, BOOLEAN, NULL]},
    "time": {"anyOf": [TEXT, NUMBER, NULL]},
    "history": {"anyOf": [{"type": "array", "items": {"anyOf": [TEXT, NUMBER, BOOLEAN, NULL]}}, TEXT, NULL]},
}


def columns(schema: Schema) -> list[dict[str, Any]]:
    """The columns of a table that a model reads: name, kind, and the number of levels or the unit of numbers."""
    described: list[dict[str, Any]] = []
    for column in features_of(schema):
        about: dict[str, Any] = {"name": column.name, "kind": column.kind}
        if column.kind == "time":
            about["unit"] = column.unit
        elif column.kind == "category" and isinstance(column.read_as, Category):
            about["levels"] = len(column.read_as.levels)
        described.append(about)
    return described


def predictions(model: Model) -> dict[str, str]:
    """What each column of the predictions holds."""
    meanings = {}
    for head in common_heads(model.members):
        task, given = model.schema.task_of(head)
        for name in task.columns if given is None else (head,):
            meanings[name] = task.rules.meaning(task)
    return meanings


def openapi_of_predict(model: Model) -> dict[str, Any]:
    """The request and the answers of /predict."""
    values = {column["name"]: VALUES[column["kind"]] for column in columns(model.schema)}
    row = {"type": "object", "properties": values}
    by_column = {
        "type": "object",
        "properties": {name: {"type": "array", "items": kind} for name, kind in values.items()},
    }
    forms = [
        {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "array", "items": row}}},
        {"type": "object", "required": ["columns"], "properties": {"columns": by_column}},
    ]
    scores = {"type": "object", "properties": dict.fromkeys(predictions(model), NUMBER)}
    predicted = {"type": "object", "properties": {"predictions": {"type": "array", "items": scores}}}
    refused = {JSON: {"schema": {"type": "object", "properties": {"detail": TEXT}}}}
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": {"anyOf": forms}}, ARROW: {}}},
        "responses": {
            "200": {
                "description": "a prediction per row, as the body goes: by row or by column",
                "content": {JSON: {"schema": predicted}, ARROW: {}},
            },
            "413": {"description": "a body that is too large", "content": refused},
            "415": {"description": "a body of another kind", "content": refused},
            "422": {"description": "one sentence on what is wrong with the rows", "content": refused},
        },
    }
