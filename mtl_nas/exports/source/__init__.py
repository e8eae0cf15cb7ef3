"""A model as one readable Python file that needs torch and numpy alone, with weights and vocabularies beside it.

No block is written a second time: the file holds what torch computes while a network runs, node by node, and the
functions that read columns as they stand in this library.

    tracing.py         the calls of torch while a function runs
    network_trace.py   a network, node by node
    rendering.py       calls as lines of Python, whose names are of naming.py; layout.py breaks lines
    bundling.py        the source of functions, with all that they use of this library
    reading.py         columns of plain values as encoded rows
    runtime.py         the model of a file, which loads and predicts
    writer.py          the file
    export.py          the files, which are compared with the model before they are kept
"""

from mtl_nas.exports.source.export import write_source

__all__ = ["write_source"]
