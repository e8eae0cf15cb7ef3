"""Raw columns in an ONNX graph: one input per column of the table, encoded in the graph as ``encode_rows`` encodes it.

    builder.py      nodes and constants of a graph
    texts.py        texts -> ids of levels
    numbers.py      doubles -> numbers from their origin, and seconds of times
    calendar.py     seconds -> parts of local times
    columns.py      all columns of a schema

Needs the package ``onnx``; import it inside of functions.
"""

from mtl_nas.exports.onnx_columns.builder import ML_OPSET, GraphBuilder
from mtl_nas.exports.onnx_columns.columns import EncodedNames, add_columns, input_type

__all__ = ["ML_OPSET", "EncodedNames", "GraphBuilder", "add_columns", "input_type"]
