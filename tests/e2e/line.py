"""The line between a browser and the desk, which a test can cut: real connections really break."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Line:
    """Passes on what comes to `url`. `cut()` breaks every connection and takes no new one until `mend()`."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._whole = True
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Line:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        self._whole = False
        for end in list(self._open):
            self._end(end)

    def mend(self) -> None:
        self._whole = True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                self._open.add(browser)
                threading.Thread(target=self._connect, args=(browser,), daemon=True).start()

    def _connect(self, browser: socket.socket) -> None:
        try:
            desk = socket.create_connection(self._to)
        except OSError:
            self._end(browser)
            return
        self._open.add(desk)
        threading.Thread(target=self._pass_on, args=(desk, browser), daemon=True).start()
        self._pass_on(browser, desk)

    def _pass_on(self, giver: socket.socket, taker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self._whole and (data := giver.recv(65_536)):
                taker.sendall(data)
        self._end(giver)
        self._end(taker)

    def _end(self, end: socket.socket) -> None:
        self._open.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
