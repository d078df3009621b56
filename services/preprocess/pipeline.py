"""The one pure function of this service: a file's bytes in, the model's frame and a preview out."""

from services.preprocess.enhance import PipelineSettings, Placement, enhance_and_fit

__all__ = ["PipelineSettings", "Placement", "enhance_and_fit"]
