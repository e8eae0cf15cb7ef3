"""A model behind HTTP: a small FastAPI app, one process, on loopback unless told otherwise.

server.py      binds a port and runs the app
app.py         the paths of the app
bodies.py      JSON and Arrow as tables, predictions as JSON and Arrow
described.py   the columns and predictions of a model, for /schema and /openapi.json
"""

from mtl_nas.serving.server import create_app, serve

__all__ = ["create_app", "serve"]
