"""The bare loop for comparison: one process with the same decoding, CLAHE, resizing and network.

`python -m bench.loop FOLDER` prints the CPU seconds and the elapsed seconds as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

from services.preprocess.pipeline import Limits, PipelineSettings, prepare

_BATCH = 8
_MODEL = Path(__file__).resolve().parents[1] / "models" / "cxr" / "1" / "model.onnx"


def main(folder: Path) -> None:
    """Process all films in a folder and print the times."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(_MODEL), options, providers=["CPUExecutionProvider"])
    settings = PipelineSettings(width=224, height=224, clahe=True, preview_side=0)
    limits = Limits()
    paths = sorted(folder.iterdir())
    # Warm up before the measurement, because the services are warm, too.
    warm = prepare(paths[0].read_bytes(), settings, limits).pixels
    session.run(None, {"image": np.stack([warm] * _BATCH)[:, None]})
    start, cpu_start = time.perf_counter(), _cpu()
    for start in range(0, len(paths), _BATCH):
        frames = [
            prepare(path.read_bytes(), settings, limits).pixels
            for path in paths[start : start + _BATCH]
        ]
        session.run(None, {"image": np.stack(frames)[:, None]})
    print(json.dumps({"cpu": _cpu() - cpu_start, "seconds": time.perf_counter() - start}))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]))
