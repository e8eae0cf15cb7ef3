"""Binds a port and runs the app, in this process."""

import importlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtl_nas.errors import ExportError
from mtl_nas.exports import Model, load_model

HOST, PORT = "127.0.0.1", 8000
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def create_app(model: Model, *, name: str = "model") -> Any:
    """Make the FastAPI app of a model, for a server of your own.

    Args:
        model: The model.
        name: What `/version` calls it.

    Returns:
        The app, which an ASGI server such as uvicorn runs.

    Raises:
        ExportError: The extra `mtl_nas[serve]` is missing.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.serving import create_app
        >>> app = create_app(mn.load_model("runs/first/best"))  # doctest: +SKIP
    """
    _extra("fastapi")
    from mtl_nas.serving.app import app_of

    return app_of(model, name)


def serve(
    folder: str | Path,
    *,
    host: str = HOST,
    port: int = PORT,
    started: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the model in a folder until the process is stopped.

    Args:
        folder: A model folder.
        host: The address to listen at; by default only programs on this machine reach it.
        port: The port; 0 takes a free one.
        started: Called with the address, such as `http://127.0.0.1:8000`, when the port is bound.

    Raises:
        ExportError: The folder is no model, the extra is missing, or the port cannot be bound.
    """
    uvicorn = _extra("uvicorn")
    app = create_app(load_model(folder), name=Path(folder).name)
    listening = _bound(host, port)
    number = listening.getsockname()[1]
    started(f"http://{f'[{host}]' if ':' in host else host}:{number}")
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    """A socket at the address; an ExportError where there is none."""
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except (OSError, OverflowError) as problem:
        if listening is not None:
            listening.close()
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ExportError(
            f"port {port} of {host} cannot be bound: {reason.lower()}; give another --port or --host"
        ) from None
    return listening


def _extra(module: str) -> Any:
    """Import a module of the extra ``serve``, or raise an ExportError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ExportError(f"serving a model needs {module}: pip install 'mtl_nas[serve]'") from None
