"""``mtl-search serve``."""

import sys
from typing import Annotated

import typer

from mtl_nas.cli.notes import note
from mtl_nas.cli.options import ModelFolder
from mtl_nas.terminal import print_line


def serve(
    model: ModelFolder,
    host: Annotated[
        str, typer.Option(help="address to listen at; by default, this machine alone reaches it")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8000,
) -> None:
    """Answer requests with predictions over HTTP: JSON and Arrow, one process."""
    from mtl_nas import serving
    from mtl_nas.serving.server import LOOPBACK

    def started(address: str) -> None:
        print_line(f"serving {model} at {address}: /predict, /schema, /health, /version, /openapi.json; Ctrl-C ends it")
        sys.stdout.flush()
        if host not in LOOPBACK:
            note(["  other machines can reach it, and it asks for no password: put a gateway before it"])

    serving.serve(model, host=host, port=port, started=started)
