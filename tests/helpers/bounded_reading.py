"""Inputs that are read in a child process with bounded memory and time, and what is wrong with how they are refused."""

import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from command_child import CONTROL
from tiny_search import in_child

from mtl_nas.errors import MtlNasError
from mtl_nas.terminal import visible

MEMORY, SECONDS = 2 * 2**30, 20  # bytes, and seconds of the processor, that a single input may take

Read = Callable[[Path], object]


def message_problem(text: str) -> str | None:
    """What is wrong with a message as the command line prints it."""
    printed = visible(text.replace("\n", "\\n"))
    if len(printed.splitlines()) != 1:
        return f"a message of {len(printed.splitlines())} lines"
    control = CONTROL.search(printed)
    return f"a message with the control character {control.group()!r}" if control else None


class LateError(BaseException):
    """An input takes too long."""


def problem_of(read: Read, path: Path) -> str | None:
    """What is wrong with how an input is read or refused; None after success or an MtlNasError of one line."""

    def late(*_: object) -> None:
        raise LateError

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        read(path)
    except MtlNasError as problem:
        return message_problem(str(problem))
    except OSError as problem:
        return None if problem.filename else f"OSError without a file: {problem}"
    except BaseException as problem:
        frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if "/mtl_nas/" in frame.filename]
        where = f"{frames[-1].filename.rpartition('/mtl_nas/')[2]}:{frames[-1].lineno}" if frames else "?"
        return f"{type(problem).__name__} at {where}: {str(problem).splitlines()[0][:160] if str(problem) else ''}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def problems(read: Read, path: Path, inputs: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Write each input to a path and read it, in one child; the names of inputs with what is wrong with them."""
    listed = list(inputs)

    def read_all() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        warnings.simplefilter("ignore")
        for name, content in listed:
            print(f"begun\t{name}", flush=True)
            path.write_bytes(content)
            if problem := problem_of(read, path):
                print(f"wrong\t{name}\t{problem!a}", flush=True)

    ended = in_child(read_all)
    lines = [line.split("\t") for line in ended.text.splitlines()]
    wrong = [(line[1], line[2]) for line in lines if line[0] == "wrong" and len(line) == 3]
    if ended.code:
        last = next((line[1] for line in lines[::-1] if line[0] == "begun"), "none")
        wrong.append((last, f"the process ended with code {ended.code}: {ended.text[-200:]!a}"))
    return wrong
