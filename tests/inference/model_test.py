import re
from dataclasses import replace

import numpy as np
import pytest

from services.inference.errors import ModelAnswerInvalidError
from services.inference.model import NONE_REACHED, NOT_FRONTAL, Answer, Model, interpret

MODEL = Model(
    name="cxr",
    version="1",
    width=4,
    height=4,
    labels=("normal", "pneumonia", "covid19"),
    thresholds=(0.5, 0.2, 0.4),
    gate_output="frontal_score",
    gate_threshold=0.6,
    max_batch_size=8,
)


def answer(*probabilities: float, gate: float | None = 0.9) -> Answer:
    heatmap = np.arange(3, dtype=np.float32).repeat(4).reshape(3, 2, 2)
    return Answer(np.array(probabilities, np.float32), heatmap, gate)


def test_the_label_with_the_largest_margin_above_its_threshold_is_predicted() -> None:
    # It is not the most probable label.
    reading = interpret(answer(0.55, 0.4, 0.05), MODEL)
    assert reading.predicted_label == "pneumonia"
    assert reading.probabilities == pytest.approx((0.55, 0.4, 0.05))
    assert reading.heatmap is not None
    assert (reading.heatmap == 1).all()
    assert not reading.notes


def test_a_label_at_its_threshold_is_predicted() -> None:
    half = replace(MODEL, thresholds=(0.5, 0.5, 0.5))
    assert interpret(answer(0.5, 0.25, 0.25), half).predicted_label == "normal"


def test_no_label_is_predicted_when_none_reaches_its_threshold() -> None:
    high = replace(MODEL, thresholds=(0.9, 0.9, 0.9))
    reading = interpret(answer(0.3, 0.3, 0.4), high)
    assert not reading.predicted_label
    assert reading.notes == (NONE_REACHED,)
    assert reading.heatmap is not None


def test_the_label_and_heatmap_of_a_picture_below_the_gate_threshold_are_withheld() -> None:
    reading = interpret(answer(0.9, 0.05, 0.05, gate=0.59), MODEL)
    assert not reading.predicted_label
    assert reading.heatmap is None
    assert reading.notes == (NOT_FRONTAL,)
    assert len(reading.probabilities) == 3


@pytest.mark.parametrize("note", [NOT_FRONTAL, NONE_REACHED])
def test_a_note_is_a_code_for_programs_and_a_sentence_for_clinicians(note: str) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)+: [A-Z][a-z ,]+\.", note)


def test_a_gate_at_its_threshold_is_open() -> None:
    at_threshold = replace(MODEL, gate_threshold=0.5)
    assert interpret(answer(0.9, 0.05, 0.05, gate=0.5), at_threshold).predicted_label == "normal"


def test_a_model_may_have_neither_a_gate_nor_a_heatmap() -> None:
    bare = Answer(np.array([0.9, 0.05, 0.05], np.float32), None, None)
    reading = interpret(bare, MODEL)
    assert reading.predicted_label == "normal"
    assert reading.heatmap is None


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.1, float("inf")])
def test_values_that_are_not_probabilities_are_refused(wrong: float) -> None:
    with pytest.raises(ModelAnswerInvalidError):
        interpret(answer(0.9, wrong, 0.05), MODEL)
    with pytest.raises(ModelAnswerInvalidError):
        interpret(answer(0.9, 0.05, 0.05, gate=wrong), MODEL)
