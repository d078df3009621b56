"""The findings of a job as CSV rows, with the same columns wherever Carina writes CSV."""

from datetime import timedelta

from carina.results import Image

HEADER = (
    "file_name",
    "patient_id",
    "state",
    "predicted_label",
    "probability",
    "threshold",
    "queued_ms",
    "decode_ms",
    "enhance_ms",
    "resize_ms",
    "infer_ms",
    "error_code",
    "error_message",
    "error_retryable",
    "findings",
    "notes",
    "model",
    "model_version",
    "attempt",
    "sha256",
    "size_bytes",
    "duplicate_of",
    "image",
)

# Spreadsheets run a cell that starts with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def row_of(image: Image) -> list[str]:
    """Return the cells of an image in the order of HEADER, each safe in a spreadsheet."""
    predicted = next((each for each in image.findings if each.label == image.predicted_label), None)
    durations = image.durations
    error = image.error
    cells = [
        image.file_name,
        image.patient_id,
        str(image.state),
        image.predicted_label,
        f"{predicted.probability:.4f}" if predicted else "",
        f"{predicted.threshold:.4f}" if predicted else "",
        milliseconds(durations.queued),
        milliseconds(durations.decode),
        milliseconds(durations.enhance),
        milliseconds(durations.resize),
        milliseconds(durations.infer),
        error.code if error else "",
        error.message if error else "",
        str(error.retryable).lower() if error else "",
        "; ".join(f"{each.label}={each.probability:.4f}" for each in image.findings),
        "; ".join(image.notes),
        image.model.name if image.model else "",
        image.model.version if image.model else "",
        str(image.attempt),
        image.sha256,
        str(image.size_bytes),
        image.duplicate_of,
        image.name,
    ]
    return [safe_cell(cell) for cell in cells]


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def milliseconds(duration: timedelta | None) -> str:
    """Return whole milliseconds, or nothing if the stage was not reached."""
    return "" if duration is None else f"{duration / timedelta(milliseconds=1):.0f}"
