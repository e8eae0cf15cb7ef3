"""The address of a cluster is checked before Ray connects to it, which would wait for minutes or follow anybody."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_nas.errors import RunError
from mtl_nas.study import Resources
from mtl_nas.study.execution import address
from mtl_nas.study.execution.address import FRAME_HEADER, PREFACE, settled_address
from mtl_nas.study.execution.resources import shared_cores


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A socket that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which Ray records the cluster of this machine."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "ray").mkdir()
    return tmp_path / "ray" / "ray_current_cluster"


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_port_that_says_nothing_is_no_cluster(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address.CONNECT_TIMEOUT <= 15
    monkeypatch.setattr(address, "CONNECT_TIMEOUT", 0.2)
    with pytest.raises(RunError, match=r"no Ray cluster at '127.0.0.1:\d+': what listens there does not answer as Ray"):
        settled_address(f"127.0.0.1:{port_of(server)}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\0"])
def test_another_server_is_no_cluster(server: socket.socket, answer: bytes) -> None:
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    with client, accepted:
        accepted.sendall(answer)
        accepted.shutdown(socket.SHUT_WR)
        with pytest.raises(RunError, match="does not answer as Ray does; start one with: ray start --head"):
            address.refuse_other_protocol(client, "host:1")
        assert accepted.recv(len(PREFACE)) == PREFACE


def test_a_server_of_grpc_is_taken(server: socket.socket) -> None:
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    with client, accepted:
        accepted.sendall(b"\0\0\0\4\0\0\0\0\0"[:FRAME_HEADER])
        address.refuse_other_protocol(client, "host:1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster at '127.0.0.1:1': .*refused"),
        ("nowhere", "an address is auto or host:port, got 'nowhere'"),
        ("host:99999", "an address is auto or host:port"),
        ("host:", "an address is auto or host:port"),
    ],
)
def test_what_cannot_be_reached_is_said_at_once(text: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        settled_address(text)


def test_auto_without_a_recorded_cluster_is_refused(record: Path) -> None:
    with pytest.raises(RunError, match="no Ray cluster is recorded here, in '.*ray_current_cluster'"):
        settled_address("auto")


def test_auto_reads_the_file_of_this_user(record: Path) -> None:
    record.write_text("127.0.0.1:1\n")
    with pytest.raises(RunError, match="no Ray cluster at '127.0.0.1:1'"):
        settled_address("auto")


def test_auto_does_not_follow_a_file_of_another_user(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record.write_text("127.0.0.1:6379")
    owner = record.stat().st_uid
    if owner == 0:
        os.chown(record, 12345, -1)
    else:
        monkeypatch.setattr("os.getuid", lambda: owner + 1)
    with pytest.raises(RunError, match=r"belongs to user .+; where you trust that user, say so: --address 127.0.0.1"):
        settled_address("auto")


def test_auto_does_not_follow_a_link_of_another_user(record: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a link to another user")
    (tmp_path / "own").write_text("127.0.0.1:6379")
    record.symlink_to(tmp_path / "own")
    os.lchown(record, 12345, -1)
    with pytest.raises(RunError, match="belongs to user"):
        settled_address("auto")


def test_more_workers_than_cores_are_noted() -> None:
    cores = len(os.sched_getaffinity(0))
    assert shared_cores(Resources(cpus=cores)) == shared_cores(Resources()) == ""
    warning = f"{cores + 4} workers share {cores} cores, and train no faster than {cores}; lower --cpus"
    assert shared_cores(Resources(cpus=cores + 4)) == warning
