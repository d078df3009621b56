"""The sample batch: a real chest film in several encodings, a leg, and two broken files."""

from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from shutil import copyfile

import cv2
import numpy as np
from pydicom import dcmread

_LEG = "RG3_J2KR.dcm"


@dataclass(frozen=True)
class Expectation:
    """How the image of a file is expected to end: with findings, or with an error."""

    error_code: str = ""
    note: str = ""  # the code of one

    @property
    def state(self) -> str:
        """The expected final state."""
        return "FAILED" if self.error_code else "SUCCEEDED"


def real_films(pattern: str = "RG1_*.dcm") -> list[Path]:
    """Return the real radiographs in the package `pydicom-data`.

    RG1 is a chest (CR, PA, MONOCHROME1, 15 bit, 1955 x 1841), RG3 a leg.
    """
    found = [Path(str(path.locate())) for path in files("pydicom-data") or ()]
    return sorted(path for path in found if path.match(pattern))


def write_batch(folder: Path) -> dict[str, Expectation]:
    """Write the batch into a folder; return what to expect of each file."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = {path.name: Expectation() for path in real_films()}
    for path in real_films():
        copyfile(path, folder / path.name)
    write_rasters(folder)
    batch |= {name: Expectation() for name in ("chest.png", "chest.jpg", "chest.tiff")}
    leg = real_films(_LEG)[0]
    copyfile(leg, folder / "leg.dcm")
    batch["leg.dcm"] = Expectation(note="NOT_A_FRONTAL_CHEST_RADIOGRAPH")
    whole = (folder / "chest.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    batch["truncated.jpg"] = Expectation("TRUNCATED_IMAGE")
    (folder / "report.png").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n")
    batch["report.png"] = Expectation("UNSUPPORTED_FILE_TYPE")
    return batch


def write_rasters(folder: Path) -> None:
    """Write the chest film as 16-bit PNG and TIFF and as JPEG, with air in black."""
    stored = dcmread(real_films("RG1_UNCR.dcm")[0])
    depth = int(stored.BitsStored)
    # MONOCHROME1: the largest value is black.
    grey = ((1 << depth) - 1 - stored.pixel_array.astype(np.uint16)) << (16 - depth)
    cv2.imwrite(str(folder / "chest.png"), grey)
    cv2.imwrite(str(folder / "chest.tiff"), grey)
    cv2.imwrite(str(folder / "chest.jpg"), (grey >> 8).astype(np.uint8))
