"""Reads from a DICOM header how the film was acquired, and nothing that could name a patient."""

from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import numbers, text
from services.preprocess.film import Acquisition


def _terms(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Terms that the standard defines, PS3.3 C.7.3.1.1.1, C.8.1.1, C.8.7.1.1.3, PS3.16 annex L.
# Other values of these elements are dropped, because free text could contain a name.
_MODALITIES = _terms(
    "CR DX RG XA RF MG IO PX CT MR NM US PT OT SC ES GM SM XC OP OPT SEG RTIMAGE RTDOSE"
)
_VIEWS = _terms("AP PA LL RL LLD RLD LLO RLO LAT LATERAL LAO RAO LPO RPO XTL")
_BODY_PARTS = _terms(
    "CHEST THORAX LUNG RIB RIBS STERNUM CLAVICLE SCAPULA HEART CHESTABDOMEN CHESTABDPELVIS ABDOMEN "
    "PELVIS SKULL HEAD JAW NECK CSPINE TSPINE LSPINE SSPINE SPINE COCCYX SACRUM BREAST SHOULDER "
    "ARM HUMERUS ELBOW FOREARM WRIST HAND FINGER THUMB HIP LEG FEMUR THIGH KNEE PATELLA TIBIA CALF "
    "ANKLE FOOT HEEL TOE EXTREMITY WHOLEBODY"
)

_LEAST_SPACING, _MOST_SPACING = 0.001, 10  # millimetres


def read_acquisition(dataset: Dataset) -> Acquisition:
    """Return how the film was acquired."""
    rows, columns = _spacing(dataset)
    return Acquisition(
        modality=_word(dataset, "Modality", _MODALITIES),
        view_position=_word(dataset, "ViewPosition", _VIEWS),
        body_part=_word(dataset, "BodyPartExamined", _BODY_PARTS),
        row_spacing=rows,
        column_spacing=columns,
    )


def _spacing(dataset: Dataset) -> tuple[float, float] | tuple[None, None]:
    match numbers(dataset, "PixelSpacing") or numbers(dataset, "ImagerPixelSpacing"):
        case [rows, columns] if (
            _LEAST_SPACING < rows < _MOST_SPACING and _LEAST_SPACING < columns < _MOST_SPACING
        ):
            return rows, columns
    return None, None


def _word(dataset: Dataset, keyword: str, allowed: frozenset[str]) -> str:
    word = text(dataset, keyword)
    return word if word in allowed else ""
