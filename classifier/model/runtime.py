"""ONNX Runtime, kept from telling its maker what runs here; it is imported by way of this module alone."""

import os

# From 1.29 on it reports machine and networks to its maker, and keeps an id of the machine in the user's
# cache, unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

__all__ = ["onnxruntime", "onnxruntime_pybind11_state"]
