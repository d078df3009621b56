"""Small real films with known expected results, no two of them byte-identical.

All derive from one real chest film (RG1 of pydicom-data). The findings for each picture are
computed here, without any of the servers. Two files of the same picture differ only in a comment
that decoders ignore, so they have the same findings.
"""

import hashlib
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import onnxruntime
import yaml
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from deploy.local.films import real_films
from deploy.local.settings import ROOT
from services.inference.model import Answer, Model, interpret
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, prepare

# The longest side of the small films in pixels; makes files of 20 to 150 KB.
_SIDE = 320
_UID = "1.2.826.0.1.3680043.8.498.1000000000"
_COMMENT = 0xFE
# Backends and batch sizes round differently.
TOLERANCE = 2e-3


@dataclass(frozen=True)
class Expected:
    """The expected end of an image."""

    state: str
    error_code: str = ""
    label: str = ""
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Film:
    """A file and its expected result."""

    name: str
    data: bytes
    expected: Expected

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


class Films:
    """Supplies films, valid and broken ones in turn, each only once."""

    def __init__(self, *, broken: bool = True) -> None:
        good = list(_pictures())
        # Two of twelve are broken, as in a bad week of a real archive.
        self._cycle = itertools.cycle([*good[:6], *(_broken() if broken else ()), *good[6:]])
        self._numbers = itertools.count(1)

    def next(self) -> Film:
        """Return a film that was not supplied before."""
        ending, data, expected = next(self._cycle)
        number = next(self._numbers)
        return Film(f"film-{number:05d}.{ending}", _numbered(ending, data, number), expected)

    def take(self, count: int) -> list[Film]:
        """Return several films."""
        return [self.next() for _ in range(count)]


@cache
def _pictures() -> tuple[tuple[str, bytes, Expected], ...]:
    files = list(_encoded(_grey()))
    results = _expected_results([data for _, data in files])
    for one, other in itertools.combinations(results, 2):
        # Otherwise the findings of one could pass for those of the other.
        apart = np.abs(np.subtract(one.probabilities, other.probabilities)).max()
        assert apart > 5 * TOLERANCE, (one, other)
    assert {each.label for each in results} >= {"pneumonia", "covid19", ""}
    return tuple(
        (ending, data, expected) for (ending, data), expected in zip(files, results, strict=True)
    )


def _grey(name: str = "RG1_UNCR.dcm") -> Any:
    """Return a film scaled down to 16-bit greyscale in which air is dark."""
    stored = dcmread(real_films(name)[0])
    depth = int(stored.BitsStored)
    # MONOCHROME1: the largest value is black.
    grey = ((1 << depth) - 1 - stored.pixel_array.astype(np.uint16)) << (16 - depth)
    height, width = grey.shape
    scale = _SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _encoded(grey: Any) -> Iterator[tuple[str, bytes]]:
    """Yield variants that the model tells apart (cropped, rotated, hazy) in three formats."""
    rows, columns = grey.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), 25, 1)
    turned = cv2.warpAffine(grey, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    edged = cv2.copyMakeBorder(grey, 60, 60, 60, 60, cv2.BORDER_CONSTANT)
    yield "png", _raster(".png", grey)
    yield "jpg", _raster(".jpg", _to_8_bits(grey[: rows * 4 // 5]))
    yield "dcm", _dicom(_centre(grey, 0.6))
    yield "png", _raster(".png", turned)
    yield "jpg", _raster(".jpg", _to_8_bits(_centre(grey, 0.8)))
    yield "dcm", _dicom((grey // 2 + 16000).astype(np.uint16))
    yield "png", _raster(".png", _to_8_bits(edged))
    yield "jpg", _raster(".jpg", _to_8_bits(cv2.GaussianBlur(grey, (9, 9), 0)))
    yield "dcm", _dicom(_centre(grey, 0.7))
    # A leg: no label is predicted.
    yield "jpg", _raster(".jpg", _to_8_bits(_grey("RG3_UNCR.dcm")))


def _to_8_bits(grey: Any) -> Any:
    """Reduce pixels to 8 bits."""
    return np.ascontiguousarray(grey >> 8).astype(np.uint8)


def _centre(grey: Any, share: float) -> Any:
    """Crop to the centre; `share` is the fraction of each side that is kept."""
    size = [int(side * share) for side in grey.shape]
    top, left = ((side - part) // 2 for side, part in zip(grey.shape, size, strict=True))
    return np.ascontiguousarray(grey[top : top + size[0], left : left + size[1]])


def _broken() -> tuple[tuple[str, bytes, Expected], ...]:
    whole = _raster(".jpg", _to_8_bits(_grey()))
    return (
        ("jpg", whole[: len(whole) // 2], Expected("FAILED", "TRUNCATED_IMAGE")),
        ("pdf", b"%PDF-1.7\n%\xe2\xe3\n", Expected("FAILED", "UNSUPPORTED_FILE_TYPE")),
    )


def _raster(ending: str, pixels: Any) -> bytes:
    done, data = cv2.imencode(ending, pixels)
    assert done
    return bytes(data)


def _dicom(grey: Any) -> bytes:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = UID(_UID)
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = _UID
    film.Modality = "DX"
    film.Rows, film.Columns = grey.shape
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 16
    film.HighBit = 15
    film.PixelRepresentation = 0
    film.PixelData = grey.tobytes()
    file = BytesIO()
    film.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _numbered(ending: str, data: bytes, number: int) -> bytes:
    """Insert a number where decoders do not read pixels."""
    text = b"film %d" % number
    match ending:
        case "png":
            body = b"tEXtComment\0" + text
            chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
            after_header = 8 + 25
            return data[:after_header] + chunk + data[after_header:]
        case "jpg":
            segment = struct.pack(">BBH", 0xFF, _COMMENT, len(text) + 2) + text
            return data[:2] + segment + data[2:]
        case "dcm":
            return data.replace(_UID.encode(), f"{_UID[:-10]}{1_000_000_000 + number}".encode())
        case _:
            return data + text


def _expected_results(files: Sequence[bytes]) -> list[Expected]:
    """Compute the expected findings of the default model with onnxruntime instead of Triton."""
    catalogue = yaml.safe_load((ROOT / "models" / "catalogue.yaml").read_text())
    (entry,) = (each for each in catalogue["models"] if each["name"] == catalogue["default"])
    model = Model(
        name=entry["name"],
        version=entry["version"],
        width=entry["input"]["width"],
        height=entry["input"]["height"],
        labels=tuple(entry["labels"]),
        thresholds=tuple(entry["thresholds"][label] for label in entry["labels"]),
        gate_output=entry["gate"]["output"],
        gate_threshold=entry["gate"]["threshold"],
        max_batch_size=1,
    )
    settings = PipelineSettings(width=model.width, height=model.height, clahe=True, preview_side=0)
    path = ROOT / "models" / model.name / model.version / "model.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ("probabilities", model.gate_output)
    results = []
    for data in files:
        pixels = prepare(data, settings, Limits()).pixels[None, None]
        probabilities, gate = session.run(names, {"image": pixels})
        answer = Answer(probabilities=probabilities[0], heatmap=None, gate=float(gate[0, 0]))
        reading = interpret(answer, model)
        results.append(
            Expected(
                "SUCCEEDED", label=reading.predicted_label, probabilities=reading.probabilities
            )
        )
    return results
