"""`python -m benchmarks._many_services COUNT SECONDS`: so many HTTP services, each on a port of its own, that answer a
page of JSON after so many seconds, and one that never does. Prints the ports, the hanging one last, and serves.
"""

from __future__ import annotations

import asyncio
import json
import sys

PAGE = json.dumps(
    {"status": "healthy", "orders": 12, "queue": {"length": 3, "oldest_ms": 120.5}, "workers": 4}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)


async def main(count: int, seconds: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(seconds)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(count)]
    servers.append(await asyncio.start_server(hang, "127.0.0.1", 0))
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
