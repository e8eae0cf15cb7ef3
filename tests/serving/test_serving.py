"""A served model answers as ``predict`` does, in JSON and Arrow, and says in one sentence what is wrong with a body."""

import http.client
import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.design import Design
from mtl_nas.errors import ExportError
from mtl_nas.exports import Member, Model
from mtl_nas.model import build
from mtl_nas.serving import bodies, create_app, serve

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")

ROWS = 200
RANDOM = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {
        "color": RANDOM.choice(["red", "green", None], ROWS),
        "size": RANDOM.standard_normal(ROWS),
        "at": pd.date_range("2024-01-01", periods=ROWS, freq="5h").astype(str),
        "seen": [["a", "b"][: index % 3] for index in range(ROWS)],
        "click": RANDOM.randint(0, 2, ROWS),
        "stars": RANDOM.choice(["one", "two", "three"], ROWS),
    }
)
FEATURES = FRAME.drop(columns=["click", "stars"])
SCHEMA = mn.load_dataset(FRAME, ["click", "stars"], columns={"at": "time"}).schema
MODEL = Model([Member(str(seed), 0.5, build(compose(Design(), SCHEMA), seed=seed)) for seed in (0, 1)], SCHEMA)
RIGHT = MODEL.predict(FEATURES)


class Answer(NamedTuple):
    status: int
    kind: str
    body: bytes

    @property
    def tree(self) -> Any:
        return json.loads(self.body)


class Server(NamedTuple):
    port: int

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, given)
        answer = connection.getresponse()
        read = Answer(answer.status, answer.headers.get("content-type", ""), answer.read())
        connection.close()
        return read

    def predict(self, tree: Any) -> Answer:
        return self.ask("/predict", json.dumps(tree).encode(), content_type="application/json")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server in a thread, as ``mtl-search serve`` runs it in a process."""
    servers: list[Any] = []
    addresses: list[str] = []
    run = uvicorn.Server.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "run", lambda self, sockets: (servers.append(self), run(self, sockets)))
        thread = threading.Thread(target=serve, args=(folder,), kwargs={"port": 0, "started": addresses.append})
        thread.start()
        try:
            while thread.is_alive() and not (servers and servers[0].started):
                thread.join(0.01)
            yield Server(int(addresses[0].rpartition(":")[2]))
        finally:
            if servers:
                servers[0].should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(MODEL.save(tmp_path_factory.mktemp("serving") / "shop")) as server:
        yield server


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(frame.to_json(orient="records"))


@pytest.mark.parametrize("count", [1, ROWS])
def test_rows_and_columns_of_json_are_predicted_as_the_library_does(server: Server, count: int) -> None:
    rows = records(FEATURES.head(count))
    by_row = server.predict({"rows": rows})
    assert by_row.status == 200
    pd.testing.assert_frame_equal(pd.DataFrame(by_row.tree["predictions"]), RIGHT.head(count), rtol=1e-6)
    by_column = server.predict({"columns": {name: [row[name] for row in rows] for name in FEATURES}})
    pd.testing.assert_frame_equal(pd.DataFrame(by_column.tree["predictions"]), RIGHT.head(count), rtol=1e-6)


def test_arrow_is_read_and_written(server: Server) -> None:
    table = pa.Table.from_pandas(FEATURES, preserve_index=False)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body = sink.getvalue().to_pybytes()
    answer = server.ask("/predict", body, content_type=bodies.ARROW)
    assert answer.kind == bodies.ARROW
    predicted = ipc.open_stream(answer.body).read_all().to_pandas()
    pd.testing.assert_frame_equal(predicted, RIGHT, rtol=1e-6)
    as_json = server.ask("/predict", body, content_type=bodies.ARROW, accept=bodies.JSON)
    pd.testing.assert_frame_equal(pd.DataFrame(as_json.tree["predictions"]), RIGHT, rtol=1e-6)


def test_values_may_be_missing_unseen_and_further_columns_are_ignored(server: Server) -> None:
    row = {"color": "violet", "size": None, "at": 1_704_067_200, "seen": None, "id": 7}
    assert server.predict({"rows": [row, {}]}).status == 200
    assert server.predict({"rows": []}).tree == {"predictions": []}


FORM = bodies.FORM
GOOD = {"color": ["red"], "size": [1.0], "at": ["2024-01-01"], "seen": [[]]}


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ([], FORM),
        ({"row": []}, FORM),
        ({"rows": {}}, FORM),
        ({"rows": [{"color": "red"}, 3]}, "rows[1] is 3; a row is an object with a value per column"),
        ({"rows": [{"color": "red"}]}, "the table lacks 3 columns: 'at', 'size', 'seen'"),
        ({"columns": GOOD | {"size": 1.0}}, "column 'size' is 1.0; a column is a list with a value per row"),
        ({"columns": GOOD | {"size": [1, 2]}}, "columns have one length, got 1 values of 'color' and 2 of 'size'"),
        ({"columns": GOOD | {"size": ["x"]}}, "column 'size' is a number, but row 1 holds 'x'"),
        ({"columns": GOOD | {"at": ["soon"]}}, "column 'at' is a time, but row 1 holds 'soon'"),
        ({"columns": GOOD | {"seen": [3]}}, "column 'seen' is a sequence, but row 1 holds 3"),
    ],
)
def test_a_wrong_body_is_one_sentence(server: Server, tree: Any, sentence: str) -> None:
    answer = server.predict(tree)
    assert (answer.status, answer.tree) == (422, {"detail": sentence})


def test_bodies_of_another_kind_or_size_are_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        server.ask("/predict", b"{", content_type="application/json")
        .tree["detail"]
        .startswith("the body is no JSON: Expecting property name")
    )
    assert server.ask("/predict", b"[" * 100_000).status == 422
    assert server.ask("/predict", b"x", content_type=bodies.ARROW).tree["detail"].startswith("the body is no Arrow")
    refused = server.ask("/predict", b"a,b", content_type="text/csv")
    assert (refused.status, refused.tree["detail"]) == (
        415,
        "a body is application/json or application/vnd.apache.arrow.stream, got text/csv",
    )
    monkeypatch.setattr("mtl_nas.serving.app.MOST_BYTES", 2**20)
    large = server.ask("/predict", b" " * (2**20 + 1))
    assert (large.status, large.tree["detail"]) == (413, "a body has at most 1 MiB; send fewer rows at once")


def test_the_server_describes_itself(server: Server) -> None:
    assert server.ask("/health").tree == {"status": "ok"}
    version = server.ask("/version").tree
    assert (version["model"], version["tasks"], len(version["keys"])) == ("shop", ["click", "stars"], 2)
    schema = server.ask("/schema").tree
    assert {column["name"]: column["kind"] for column in schema["columns"]} == {
        "color": "category",
        "size": "number",
        "at": "time",
        "seen": "history",
    }
    assert list(schema["predictions"]) == list(RIGHT)
    described = server.ask("/openapi.json").tree["paths"]["/predict"]["post"]
    rows, _ = described["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert list(rows["properties"]["rows"]["items"]["properties"]) == list(mn.data.feature_columns(SCHEMA))
    assert set(described["responses"]) >= {"200", "413", "415", "422"}


def test_a_port_that_is_taken_is_one_line(server: Server, tmp_path: Path) -> None:
    folder = MODEL.save(tmp_path / "model")
    with pytest.raises(
        ExportError, match=rf"^port {server.port} of 127.0.0.1 cannot be bound: .*; give another --port or --host$"
    ):
        serve(folder, port=server.port)


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refused)
    with pytest.raises(ExportError, match=r"^serving a model needs fastapi: pip install 'mtl_nas\[serve\]'$"):
        create_app(MODEL)
