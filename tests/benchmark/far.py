"""A service far away: hands everything on to the one that is near, later, and counts the requests."""

import asyncio
import contextlib
import re
import threading
from collections import Counter
from urllib.parse import urlsplit

# How a request begins. Those that are counted here are short, and come whole.
REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) (\S*) HTTP/1.1\r\n")


class Far:
    """Listens while it is the context: `with Far(near, 0.02) as far: … far.endpoint … far.requests`."""

    def __init__(self, near: str, seconds: float):
        self.near, self.seconds = urlsplit(near), seconds
        self.requests: Counter[str] = Counter()
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> "Far":
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        listening = asyncio.start_server(self.connected, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listening, self.loop).result()
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_) -> None:
        asyncio.run_coroutine_threadsafe(end_all(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def connected(self, reader, writer) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            there = await asyncio.open_connection(self.near.hostname, self.near.port)
            await asyncio.gather(self.ask(reader, there[1]), self.answer(there[0], writer))

    async def ask(self, reader, writer) -> None:
        while some := await received(reader):
            if request := REQUEST.match(some):
                self.requests[name(*request.groups())] += 1
                await asyncio.sleep(self.seconds)
            writer.write(some)
        writer.close()

    async def answer(self, reader, writer) -> None:
        while some := await received(reader):
            writer.write(some)
        writer.close()


async def end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def received(reader) -> bytes:
    try:
        return await reader.read(1 << 16)
    except ConnectionError:
        return b""


def name(method: bytes, path: bytes) -> str:
    return "LIST" if b"list-type=2" in path else method.decode()
