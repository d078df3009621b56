import asyncio

from chassis.metrics import serve_metrics


async def get(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_metrics_and_health_are_served() -> None:
    ready, missing = False, "nats"
    async with serve_metrics("127.0.0.1:0", lambda: (ready, missing)) as port:
        status, body = await get(port, "/metrics")
        assert status == 200
        assert b"python_info" in body
        assert (await get(port, "/livez"))[0] == 200
        assert await get(port, "/readyz") == (503, b"waiting for nats\n")
        ready = True
        assert await get(port, "/readyz") == (200, b"ok, without nats\n")
        missing = ""
        assert await get(port, "/readyz") == (200, b"ok\n")
        assert (await get(port, "/other"))[0] == 404
        assert (await get(port, "/metrics", "POST"))[0] == 405


async def test_an_empty_address_serves_nothing() -> None:
    async with serve_metrics("") as port:
        assert port == 0
