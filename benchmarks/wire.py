"""The network between a browser and the app: a relay on this machine that can be cut."""

from __future__ import annotations

import asyncio
import threading
from asyncio import StreamReader, StreamWriter


class Wire:
    """Passes everything on to ``target`` (a port, which may be changed for new connections). While
    it is cut, nothing gets through."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._whole = True
        self._ends: set[StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._whole = False
        self._loop.call_soon_threadsafe(self._abort)

    def repair(self) -> None:
        """Let new connections through again."""
        self._whole = True

    def _abort(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    async def _join(self, reader: StreamReader, writer: StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody listens there at the moment
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        self._ends -= {writer, far_writer}


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
