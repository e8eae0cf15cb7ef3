"""The address of a Ray cluster, which is checked before Ray, which would wait for minutes, connects to it."""

import os
import socket
from pathlib import Path

from ray._private.utils import get_ray_address_file  # type: ignore[attr-defined]  # of ray

from mtl_nas.errors import RunError

CONNECT_TIMEOUT = 10.0  # seconds for a cluster's address to answer
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # with empty settings (RFC 9113, section 3.4)
FRAME_HEADER, SETTINGS = 9, 4  # bytes; type of the frame that a server sends first
START = "start one with: ray start --head"


def settled_address(address: str) -> str:
    """The address, or for ``auto`` that of the cluster which this user has started on this machine.

    Raises:
        RunError: No cluster is recorded on this machine; the record is another user's; or the address does not answer
            as Ray does.
    """
    settled = _recorded_address() if address == "auto" else address
    _refuse_silence(settled)
    return settled


def _recorded_address() -> str:
    """The address in the environment, or in the file that ``ray start`` writes.

    The file lies in a folder that everybody may write to. Where another user owns it, the cluster may be one that waits
    for tokens and data of whoever follows it.
    """
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    path = Path(get_ray_address_file(None))
    try:
        owner, text = path.lstat().st_uid, path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise RunError(f"no Ray cluster is recorded here, in '{path}'; {START}, or give its host:port") from None
    if hasattr(os, "getuid") and owner not in (os.getuid(), 0):
        raise RunError(
            f"'{path}', which says where the cluster is, belongs to user {_name(owner)}; where you trust that user, "
            f"say so: --address {text:.80}"
        )
    return text


def _name(user: int) -> str:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(user).pw_name
    except (ImportError, KeyError):
        return str(user)


def _refuse_silence(address: str) -> None:
    """Raise a RunError if nothing listens at ``host:port``, or if it does not speak the protocol of Ray's servers."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit() and int(port) < 2**16):
        raise RunError(f"an address is auto or host:port, got '{address}'")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT) as connection:
            if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
                refuse_other_protocol(connection, address)
    except OSError as problem:
        raise RunError(f"no Ray cluster at '{address}': {problem}; {START}") from None


def refuse_other_protocol(connection: socket.socket, address: str) -> None:
    """Raise a RunError if the server does not begin with settings of HTTP/2, as servers of gRPC do."""
    connection.sendall(PREFACE)
    try:
        answer = connection.recv(FRAME_HEADER)
    except TimeoutError:
        answer = b""
    if len(answer) < 4 or answer[3] != SETTINGS:
        raise RunError(f"no Ray cluster at '{address}': what listens there does not answer as Ray does; {START}")
