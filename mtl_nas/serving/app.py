"""The paths of the app: /health, /version, /schema and /predict."""

import asyncio
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Model
from mtl_nas.serving.bodies import ARROW, JSON, MOST_BYTES, answer, read_table
from mtl_nas.serving.described import columns, openapi_of_predict, predictions


def app_of(model: Model, name: str) -> FastAPI:
    """The app of a model. One request is predicted at a time, on the threads that torch has."""
    version = metadata.version("mtl_nas")
    app = FastAPI(title=f"mtl_nas: {name}", version=version, docs_url=None, redoc_url=None)
    turn = asyncio.Lock()
    networks = [member.network.architecture for member in model.members]
    about = {
        "mtl_nas": version,
        "model": name,
        "tasks": list(model.tasks),
        "keys": [architecture.key for architecture in networks],
        "parameters": sum(architecture.parameters for architecture in networks),
    }
    described = {"columns": columns(model.schema), "predictions": predictions(model)}

    async def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok"}

    async def show_version() -> dict[str, Any]:
        """The versions of the library and of the model."""
        return about

    async def schema() -> dict[str, Any]:
        """The columns that the model reads, and what it predicts."""
        return described

    async def predict(request: Request) -> Response:
        """Predict rows in JSON or as an Arrow stream; the answer has the form that the header Accept names."""
        given = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if given not in (JSON, ARROW):
            return _refused(415, f"a body is {JSON} or {ARROW}, got {given}")
        body = await _body(request)
        if body is None:
            return _refused(413, f"a body has at most {MOST_BYTES // 2**20} MiB; send fewer rows at once")
        wanted = ARROW if ARROW in request.headers.get("accept", given if given == ARROW else "") else JSON

        def predicted() -> tuple[bytes, str]:
            table, by_column = read_table(body, given, model.schema)
            return answer(model.predict(table), wanted, by_column=by_column), wanted

        try:
            async with turn:
                content, kind = await run_in_threadpool(predicted)
        except MtlNasError as problem:
            return _refused(422, str(problem))
        return Response(content, media_type=kind)

    for path, run in (("/health", health), ("/version", show_version), ("/schema", schema)):
        app.add_api_route(path, run, methods=["GET"])
    app.add_api_route("/predict", predict, methods=["POST"], openapi_extra=openapi_of_predict(model))
    return app


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)


async def _body(request: Request) -> bytes | None:
    """The body of a request; None where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)
