from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml
from pydicom.data import get_testdata_file

from deploy.local.settings import ROOT
from services.preprocess.pipeline import Limits, PipelineSettings, prepare

CLAHE = pytest.mark.parametrize("clahe", [False, True], ids=["plain", "CLAHE"])


def frame_of(file: str, *, clahe: bool) -> Any:
    settings = PipelineSettings(width=224, height=224, clahe=clahe)
    path = get_testdata_file(file, download=False)
    assert isinstance(path, str)
    return prepare(Path(path).read_bytes(), settings, Limits()).pixels


def passes(pixels: Any, name: str = "cxr") -> bool:
    session = onnxruntime.InferenceSession(
        ROOT / "models" / name / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    image = np.ascontiguousarray(pixels)[None, None]
    score = session.run(["frontal_score"], {"image": image})[0]
    document = yaml.safe_load((ROOT / "models" / "catalogue.yaml").read_text("utf-8"))
    return bool(score[0, 0] >= document["models"][0]["gate"]["threshold"])


@CLAHE
@pytest.mark.parametrize("name", ["cxr", "cxr_b"])
def test_a_real_frontal_film_passes_the_gate(name: str, *, clahe: bool) -> None:
    assert passes(frame_of("RG1_UNCI.dcm", clahe=clahe), name)


@CLAHE
@pytest.mark.parametrize("name", ["cxr", "cxr_b"])
def test_a_leg_does_not_pass_the_gate(name: str, *, clahe: bool) -> None:
    assert not passes(frame_of("RG3_UNCI.dcm", clahe=clahe), name)


@CLAHE
@pytest.mark.parametrize("file", ["693_UNCI.dcm", "MR2_UNCI.dcm", "US1_UNCI.dcm"])
def test_a_slice_or_an_ultrasound_does_not_pass_the_gate(file: str, *, clahe: bool) -> None:
    assert not passes(frame_of(file, clahe=clahe))


@CLAHE
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_rotated_film_does_not_pass_the_gate(turns: int, *, clahe: bool) -> None:
    assert not passes(np.rot90(frame_of("RG1_UNCI.dcm", clahe=clahe), turns))


def test_noise_does_not_pass_the_gate() -> None:
    random = np.random.default_rng(3)
    assert not passes(random.integers(0, 256, (224, 224), dtype=np.uint8))
