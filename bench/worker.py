"""A process that works: `python -m bench.worker PEER TIMES AT_ONCE`, begun by a line on its standard input."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

from bench import measures

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")


def together(peer: str, *, workers: int, times: int, at_once: int) -> float:
    """Milliseconds for each thread, with so many processes that bring `times` of them to their ends each."""
    command = [sys.executable, "-m", "bench.worker", peer, str(times), str(at_once)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            for _ in range(workers)
        ]
        for process in processes:
            _heard(process, b"ready\n")

        def work() -> None:
            for process in processes:
                assert process.stdin
                process.stdin.write(b"go\n")
                process.stdin.flush()
            for process in processes:
                _heard(process, b"done\n")

        return measures.timed(work) / (times * workers)


def _heard(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdout
    if process.stdout.readline() != word:
        raise RuntimeError(f"A worker ended early; its status is {process.wait()}.")


def main(name: str, times: int, at_once: int) -> None:
    import django

    django.setup()
    from bench.peers import peer

    one = peer(name, at_once=at_once)
    measures.repeated(one, times=at_once, at_once=at_once)
    print("ready", flush=True)
    sys.stdin.readline()
    measures.repeated(one, times=times, at_once=at_once)
    print("done", flush=True)
    # Connections that a peer keeps open need no farewell.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
