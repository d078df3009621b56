import asyncio
import uuid
from pathlib import Path

import asyncpg
import nats
import obstore
import pytest
from obstore.store import S3Store
from tritonclient.grpc.aio import InferenceServerClient

from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.postgres import postgres_server
from deploy.local.seaweed import Seaweed
from tests.support.servers import Server, running

pytestmark = pytest.mark.servers


async def test_nats_keeps_a_message_in_a_stream(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    stream = client.jetstream()
    name = uuid.uuid4().hex
    await stream.add_stream(name=name, subjects=[f"{name}.>"])
    await stream.publish(f"{name}.a", b"payload")
    assert (await stream.get_last_msg(name, f"{name}.a")).data == b"payload"
    await stream.delete_stream(name)
    await client.close()


async def test_each_test_has_its_own_database(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE image (id int PRIMARY KEY)")
    await connection.execute("INSERT INTO image VALUES (1)")
    assert await connection.fetchval("SELECT count(*) FROM image") == 1
    await connection.close()


async def test_the_database_of_the_next_test_is_empty(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT to_regclass('image')") is None
    await connection.close()


async def test_row_level_security_applies_to_the_owner_role_of_a_database(
    postgres_url: str,
) -> None:
    connection = await asyncpg.connect(postgres_url)
    row = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
    assert not row["rolsuper"]
    assert not row["rolbypassrls"]
    await connection.close()


def test_postgres_runs_in_a_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "data"
    server = postgres_server(folder)
    with running(server.program, tmp_path):
        assert server.execute("SELECT 1") == "1"
    server.socket_folder.rmdir()


async def test_triton_serves_the_tiny_network(triton_address: str) -> None:
    async with InferenceServerClient(triton_address) as client:
        assert await client.is_model_ready("cxr", "1")


async def test_s3_keeps_an_object(s3: Seaweed) -> None:
    store = S3Store(
        s3.bucket,
        prefix=uuid.uuid4().hex,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        endpoint=s3.endpoint,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    await obstore.put_async(store, "film", b"pixels")
    answer = await obstore.get_async(store, "film")
    assert bytes(await answer.bytes_async()) == b"pixels"


async def test_a_killed_server_restarts_on_the_same_port_with_its_data(
    tmp_path: Path,
) -> None:
    port = free_port()
    program = nats_program(tmp_path / "data", port=port, monitor_port=free_port())
    with running(program, tmp_path) as server:
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await client.jetstream().publish("kept", b"payload")
        await client.close()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        assert (await client.jetstream().get_last_msg("KEPT", "kept")).data == b"payload"
        await client.close()


def test_no_port_is_allocated_twice() -> None:
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)


def test_the_error_of_a_server_that_does_not_start_contains_its_log(tmp_path: Path) -> None:
    port = free_port()
    program = nats_program(tmp_path / "data", port=port, monitor_port=port)
    with pytest.raises(RuntimeError, match=str(port)):
        Server(program, tmp_path / "log").start()
