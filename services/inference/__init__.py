"""From model-ready pixels to findings, through Triton."""
