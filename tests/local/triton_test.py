import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc.aio import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.grpc.model_config_pb2 import ModelConfig

from deploy.local.settings import ROOT
from deploy.local.triton import TritonSetupError, derive, read_config, triton_environment
from tests.support.servers import running, tiny_repository, triton_of

OUTPUTS = ("probabilities", "heatmap", "frontal_score")


def films(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 1, 224, 224), dtype=np.uint8)


async def infer(
    client: InferenceServerClient, pixels: Any, *, model: str = "cxr", **options: Any
) -> Any:
    tensor = InferInput("image", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels)
    return await client.infer(model, [tensor], model_version="1", **options)


@pytest.fixture
async def client(triton_address: str) -> AsyncIterator[InferenceServerClient]:
    async with InferenceServerClient(triton_address) as client:
        yield client


@pytest.mark.parametrize("count", [1, 2, 16])
async def test_answers_match_those_of_onnxruntime(
    client: InferenceServerClient, tmp_path: Path, count: int
) -> None:
    session = onnxruntime.InferenceSession(
        tiny_repository(tmp_path) / "cxr" / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    pixels = films(count)
    expected = session.run(list(OUTPUTS), {"image": pixels})
    answer = await infer(client, pixels)
    for name, values in zip(OUTPUTS, expected, strict=True):
        np.testing.assert_allclose(answer.as_numpy(name), values, atol=1e-5, rtol=0)


async def test_requests_that_share_a_batch_get_their_own_answers(
    client: InferenceServerClient,
) -> None:
    pixels = films(16, seed=1)
    alone = (await infer(client, pixels)).as_numpy("probabilities")
    before = (await client.get_inference_statistics("cxr")).model_stats[0]
    sizes = [(0, 1), (1, 3), (3, 4), (4, 8), (8, 9), (9, 16)]
    answers = await asyncio.gather(*(infer(client, pixels[a:b]) for a, b in sizes))
    after = (await client.get_inference_statistics("cxr")).model_stats[0]
    together = np.concatenate([answer.as_numpy("probabilities") for answer in answers])
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=0)
    assert after.inference_count - before.inference_count == 16
    assert after.execution_count - before.execution_count < len(sizes)


async def test_only_requested_outputs_are_sent(client: InferenceServerClient) -> None:
    answer = await infer(client, films(1), outputs=[InferRequestedOutput("frontal_score")])
    assert [output.name for output in answer.get_response().outputs] == ["frontal_score"]


async def test_a_full_queue_refuses_requests_as_in_production(tmp_path: Path) -> None:
    repository = tiny_repository(tmp_path)
    config = read_config(repository / "cxr")
    config.max_batch_size = 1
    config.dynamic_batching.default_queue_policy.max_queue_size = 1
    del config.model_warmup[:]
    (repository / "cxr" / "config.pbtxt").write_text(text_format.MessageToString(config))
    program, address = triton_of(repository, tmp_path)
    with running(program, tmp_path):
        async with InferenceServerClient(address) as client:
            answers = await asyncio.gather(
                *(infer(client, films(1)) for _ in range(20)), return_exceptions=True
            )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert refused
    assert len(refused) < len(answers)
    assert {answer.status() for answer in refused} == {"StatusCode.UNAVAILABLE"}  # type: ignore[attr-defined]


def test_the_derived_configuration_differs_only_in_gpu_settings() -> None:
    production = read_config(ROOT / "models" / "cxr")
    derived = derive(production)
    assert derived.backend == "python"
    # And in an extra output that identifies the image that was evaluated.
    assert derived.output.pop().name == "pixel_sum"
    for config in (production, derived):
        for field in ("backend", "instance_group", "optimization", "parameters"):
            config.ClearField(field)
    assert derived == production


def test_the_production_queue_is_bounded_and_refuses_requests() -> None:
    policy = read_config(ROOT / "models" / "cxr").dynamic_batching.default_queue_policy
    assert policy.timeout_action == policy.REJECT
    assert policy.max_queue_size > 0


async def test_an_ensemble_is_served_with_its_members(tmp_path: Path) -> None:
    repository = tiny_repository(tmp_path)
    config = read_config(repository / "cxr")
    ensemble = ModelConfig(name="both", platform="ensemble", max_batch_size=16)
    ensemble.input.add(name="image", data_type=config.input[0].data_type, dims=[1, 224, 224])
    ensemble.output.add(name="probabilities", data_type=config.output[0].data_type, dims=[3])
    step = ensemble.ensemble_scheduling.step.add(model_name="cxr", model_version=1)
    step.input_map["image"] = "image"
    step.output_map["probabilities"] = "probabilities"
    (repository / "both" / "1").mkdir(parents=True)
    (repository / "both" / "config.pbtxt").write_text(text_format.MessageToString(ensemble))
    program, address = triton_of(repository, tmp_path, models=["both"])
    with running(program, tmp_path):
        async with InferenceServerClient(address) as client:
            together = await infer(client, films(2), model="both")
            alone = await infer(client, films(2))
    for answer in (together, alone):
        assert answer.as_numpy("probabilities").shape == (2, 3)
    np.testing.assert_array_equal(
        together.as_numpy("probabilities"), alone.as_numpy("probabilities")
    )


def test_a_backend_that_needs_a_gpu_is_named_in_the_error() -> None:
    with pytest.raises(TritonSetupError, match="tensorrt"):
        derive(ModelConfig(name="cxr", backend="tensorrt"))


def test_a_missing_environment_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TritonSetupError, match="make setup"):
        triton_environment(tmp_path)
