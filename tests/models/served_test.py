import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from tritonclient.grpc.aio import InferenceServerClient, InferInput
from tritonclient.grpc.model_config_pb2 import DataType

from deploy.local.settings import ROOT
from deploy.local.triton import read_config
from tests.support.servers import running, triton_of

REPOSITORY = ROOT / "models"
MEMBERS = ("cxr", "cxr_b")
SERVED = ("cxr", "cxr_b", "cxr_mean", "cxr_ensemble")
OUTPUTS = ("probabilities", "heatmap", "frontal_score")
LABELS = ("normal", "pneumonia", "covid19")


def catalogue() -> dict[str, Any]:
    document = yaml.safe_load((REPOSITORY / "catalogue.yaml").read_text("utf-8"))
    return {entry["name"]: entry for entry in document["models"]}


def file_of(name: str) -> Path:
    return REPOSITORY / name / "1" / "model.onnx"


def session_of(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file_of(name), options, providers=["CPUExecutionProvider"])


def pictures(count: int) -> Any:
    random = np.random.default_rng(7)
    slope = np.linspace(0, 120, 224, dtype=np.float32)
    grain = random.uniform(0, 120, (count, 1, 224, 224))
    return (grain + slope[:, None] * random.uniform(0, 1, (count, 1, 1, 1))).astype(np.uint8)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_has_the_inputs_and_outputs_of_the_contract(name: str) -> None:
    session = session_of(name)
    (image,) = session.get_inputs()
    assert (image.name, image.type, image.shape[1:]) == ("image", "tensor(uint8)", [1, 224, 224])
    assert [output.name for output in session.get_outputs()] == list(OUTPUTS)
    assert {output.type for output in session.get_outputs()} == {"tensor(float)"}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("count", [1, 3, 16])
def test_a_batch_of_any_size_gets_findings_heatmaps_and_gate_scores(name: str, count: int) -> None:
    probabilities, heatmap, frontal = session_of(name).run(
        list(OUTPUTS), {"image": pictures(count)}
    )
    assert probabilities.shape == (count, 3)
    assert heatmap.shape == (count, 3, 28, 28)
    assert frontal.shape == (count, 1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    for values in (probabilities, heatmap, frontal):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1 + 1e-5


@pytest.mark.parametrize("name", MEMBERS)
def test_the_margin_of_a_picture_has_no_effect(name: str) -> None:
    session, plain = session_of(name), pictures(2)
    framed = plain.copy()
    for margin in (np.s_[:, :, :16], np.s_[:, :, -16:], np.s_[..., :16], np.s_[..., -16:]):
        framed[margin] = 255
    for before, after in zip(
        session.run(None, {"image": plain}), session.run(None, {"image": framed}), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", MEMBERS)
def test_brightness_alone_does_not_change_the_findings(name: str) -> None:
    session = session_of(name)
    plain = (pictures(2) // 2).astype(np.uint8)
    brighter = (plain + 60).astype(np.uint8)
    first, second = (session.run(["probabilities"], {"image": p})[0] for p in (plain, brighter))
    np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_picture_without_contrast_is_evaluated_and_fails_the_gate(name: str) -> None:
    flat = np.full((1, 1, 224, 224), 90, np.uint8)
    probabilities, _, frontal = session_of(name).run(list(OUTPUTS), {"image": flat})
    assert np.isfinite(probabilities).all()
    assert frontal[0, 0] < catalogue()["cxr"]["gate"]["threshold"]


@pytest.mark.parametrize("name", [*MEMBERS, "cxr_mean"])
def test_the_graph_uses_only_standard_operators_and_the_file_is_small(name: str) -> None:
    model = onnx.load(file_of(name))
    (opset,) = model.opset_import
    assert (opset.domain, opset.version) == ("", 17)
    assert file_of(name).stat().st_size <= 20 * 2**20


def test_the_digests_in_the_catalogue_match_the_files() -> None:
    entries = catalogue()
    digests = [hashlib.sha256(file_of(name).read_bytes()).hexdigest() for name in SERVED[:3]]
    assert entries["cxr"]["digest"] == digests[0]
    whole = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode())
    assert entries["cxr_ensemble"]["digest"] == whole.hexdigest()


@pytest.mark.parametrize("name", ["cxr", "cxr_ensemble"])
def test_the_catalogue_matches_the_configuration(name: str) -> None:
    entry, config = catalogue()[name], read_config(REPOSITORY / name)
    assert config.name == name
    assert config.max_batch_size == entry["max_batch_size"]
    assert [str(version) for version in config.version_policy.specific.versions] == [
        entry["version"]
    ]
    (image,) = config.input
    assert image.data_type == DataType.TYPE_UINT8
    assert list(image.dims) == [1, entry["input"]["height"], entry["input"]["width"]]
    assert [output.name for output in config.output] == list(OUTPUTS)
    assert entry["labels"] == list(LABELS)
    assert set(entry["thresholds"]) == set(LABELS)
    assert entry["gate"]["output"] in OUTPUTS
    assert (ROOT / entry["card"]).is_file()


@pytest.mark.parametrize("name", MEMBERS)
def test_the_labels_file_has_the_order_of_the_outputs(name: str) -> None:
    config = read_config(REPOSITORY / name)
    labels = REPOSITORY / name / config.output[0].label_filename
    assert tuple(labels.read_text("utf-8").split()) == LABELS


@pytest.fixture(scope="module")
def repository_address(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    program, address = triton_of(REPOSITORY, folder, models=SERVED)
    with running(program, folder):
        yield address


@pytest.fixture
async def client(repository_address: str) -> AsyncIterator[InferenceServerClient]:
    async with InferenceServerClient(repository_address) as opened:
        yield opened


async def answers(client: InferenceServerClient, name: str, pixels: Any) -> dict[str, Any]:
    tensor = InferInput("image", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels)
    answer = await client.infer(name, [tensor], model_version="1")
    return {output: answer.as_numpy(output) for output in OUTPUTS}


@pytest.mark.parametrize("count", [1, 5, 16])
async def test_triton_answers_as_onnxruntime_does(
    client: InferenceServerClient, count: int
) -> None:
    pixels = pictures(count)
    expected = dict(
        zip(OUTPUTS, session_of("cxr").run(list(OUTPUTS), {"image": pixels}), strict=True)
    )
    answered = await answers(client, "cxr", pixels)
    for name in OUTPUTS:
        np.testing.assert_allclose(answered[name], expected[name], atol=1e-5, rtol=0)


async def test_the_ensemble_is_the_mean_of_its_members(client: InferenceServerClient) -> None:
    pixels = pictures(3)
    members = [session_of(name).run(list(OUTPUTS), {"image": pixels}) for name in MEMBERS]
    answered = await answers(client, "cxr_ensemble", pixels)
    for name, first, second in zip(OUTPUTS, *members, strict=True):
        np.testing.assert_allclose(answered[name], (first + second) / 2, atol=1e-5, rtol=0)
