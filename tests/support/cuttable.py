"""A TCP connection that can be cut: a forwarder between a process and a server, for partitions on one machine."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024


class Cuttable:
    """Forwards `port` on loopback to a server; `cut()` ends every connection and lets no new one through."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._cut = False
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        # close() alone does not wake a thread that accepts.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def cut(self) -> None:
        with self._lock:
            self._cut = True
            for pair in self._pairs:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._cut = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._cut:
                return
            with socket.create_connection(self._server) as server:
                pair = client, server
                with self._lock:
                    self._pairs.add(pair)
                try:
                    _forward(client, server)
                finally:
                    with self._lock:
                        self._pairs.discard(pair)


def _forward(client: socket.socket, server: socket.socket) -> None:
    """Until either end closes."""
    with selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in ready.select():
                source, sink = key.fileobj, key.data
                if not isinstance(source, socket.socket):
                    raise TypeError("sockets only")
                data = source.recv(_CHUNK)
                if not data:
                    return
                sink.sendall(data)
