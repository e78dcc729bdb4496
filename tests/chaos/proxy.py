"""Stands before PostgreSQL and cuts connections at COMMIT, when told to.

python -m tests.chaos.proxy DIRECTORY UPSTREAM     listens in DIRECTORY as a server's socket file does

Each line on standard input asks for one cut, at the next commit on any connection:

before    the COMMIT does not reach the server: nothing is written, and the client cannot know
after     the server has committed, and its word does not reach the client
across    the COMMIT is sent on and the connection cut at once: either may be true

For each cut a line is printed. A commit is a message with COMMIT in it, or one that appends facts by itself.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType

NAME = ".s.PGSQL.5432"
LOG = "log-proxy"
CHUNK = 1 << 17
MODES = ("before", "after", "across")


def kind_of(chunk: bytes) -> str:
    """How the chunk commits: "" where it does not."""
    if b"COMMIT" in chunk:
        return "commit"
    return "append" if b"WITH f AS (UPDATE" in chunk else ""


class Proxy:
    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.wanted: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_unix_connection(self.upstream, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        line = Line(self, writer, there)
        await asyncio.gather(line.forth(reader), line.back(there_reader))


class Line:
    """One connection, with its two ends."""

    def __init__(self, proxy: Proxy, here: asyncio.StreamWriter, there: asyncio.StreamWriter) -> None:
        self.proxy, self.here, self.there = proxy, here, there
        self.deaf = ""

    def cut(self, mode: str) -> None:
        print(mode, flush=True)
        self.close()

    def close(self) -> None:
        for end in (self.here, self.there):
            end.transport.abort()

    async def forth(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                kind = kind_of(chunk) if self.proxy.wanted and not self.deaf else ""
                if kind:
                    mode = self.proxy.wanted.pop(0)
                    if mode == "before":
                        return self.cut(f"{mode} {kind}")
                    if mode == "after":
                        self.deaf = f"{mode} {kind}"
                self.there.write(chunk)
                await self.there.drain()
                if kind and mode == "across":
                    return self.cut(f"{mode} {kind}")
        self.close()

    async def back(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.deaf:
                    return self.cut(self.deaf)
                self.here.write(chunk)
                await self.here.drain()
        self.close()


async def main(directory: str, upstream: str) -> None:
    proxy = Proxy(upstream)
    server = await asyncio.start_unix_server(proxy.serve, f"{directory}/{NAME}", limit=CHUNK)
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ready", flush=True)
    async with server:
        while line := await commands.readline():
            proxy.wanted.append(line.decode().strip())


class Cutter:
    """The proxy as a process beside; `directory` is what clients take for the server's."""

    def __init__(self, home: Path, upstream: str) -> None:
        self.directory = home / "proxy"
        self._log = home / LOG
        self._upstream = f"{upstream}/{NAME}"

    def __enter__(self) -> Cutter:
        self.directory.mkdir()
        command = [sys.executable, "-m", "tests.chaos.proxy", str(self.directory), self._upstream]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def is_ready(self) -> bool:
        return "ready" in self._log.read_text()

    def want(self, mode: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode}\n")
        self._process.stdin.flush()

    def done(self) -> Counter[str]:
        """The cuts so far, by mode and kind of commit."""
        return cuts(self._log)


def cuts(log: Path) -> Counter[str]:
    """What a proxy has written into its log."""
    return Counter(line for line in log.read_text().splitlines() if line != "ready") if log.exists() else Counter()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
