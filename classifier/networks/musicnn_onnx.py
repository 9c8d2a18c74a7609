"""The musicnn trunk as an ONNX graph laid out for speed: the same function in less time. Imports Keras.

ONNX Runtime computes a convolution's channels in blocks of 16, and what a block lacks is computed and
thrown away; the branches along time have 3, 7 and 17. So a branch's filters are repeated, each time
shifted by one more step, and take as many steps at once: 3 filters and ten shifts are 30 channels, a
tenth as often. Convolutions follow each other without a change of layout, since channels are whole
blocks and the maximum over frequency is a pooling. The channel of ones is a constant, added after.
The branches wide in frequency go through the Fourier transform (`classifier.networks.onnx_fourier`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from classifier import params
from classifier.arrays import Array
from classifier.networks.musicnn import MID_PADDING, TEMPORAL, TIMBRAL
from classifier.networks.onnx_fourier import spectral, transform

Weights = Mapping[str, Array]

BLOCK: Final = 16
# Two blocks at a time keep the processor busier than one.
SHIFTED_CHANNELS: Final = 2 * BLOCK
OPSET: Final = 15
IR_VERSION: Final = 8
FRAMES: Final = params.PATCH_FRAMES
BANDS: Final = params.N_MELS


def export_musicnn(weights: Weights, path: Path) -> None:
    """Write the trunk as ONNX: input ``patch``, outputs ``tags`` and ``penultimate``.

    Parameters
    ----------
    weights
        As `classifier.build.prune.prune` returns them, with any number of live filters.
    path
        The file to write.
    """
    model = musicnn_model(weights)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def musicnn_model(weights: Weights) -> onnx.ModelProto:
    """Return the graph that `export_musicnn` writes."""
    graph = _Graph()
    front = _front(graph, weights)
    mid_1 = _mid(graph, "mid_1", front, weights)
    sum_2 = graph.add("Add", [mid_1, _mid(graph, "mid_2", mid_1, weights)], "sum_2")
    sum_3 = graph.add("Add", [sum_2, _mid(graph, "mid_3", sum_2, weights)], "sum_3")
    features = graph.add("Concat", [front, mid_1, sum_2, sum_3], "features", axis=1)
    pooled = [graph.add(f"Global{kind}Pool", [features], kind) for kind in ("Max", "Average")]
    joined = graph.add("Flatten", [graph.add("Concat", pooled, "joined", axis=1)], "pooled")
    hidden = graph.add("Relu", [_dense(graph, "penultimate", joined, weights)], "hidden")
    penultimate = _affine(graph, "penultimate", hidden, weights, ())
    graph.add("Sigmoid", [_dense(graph, "tags", penultimate, weights)], "tags")
    return graph.model(len(weights["tags/bias"]), len(weights["penultimate/bias"]))


class _Graph:
    """Nodes and constants as they are added; a tensor is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def numbers(self, name: str, values: npt.ArrayLike) -> str:
        return self._constant(name, np.asarray(values, np.float32))

    def integers(self, name: str, *values: int) -> str:
        return self._constant(name, np.asarray(values, np.int64))

    def _constant(self, name: str, values: npt.NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def slice(self, x: str, name: str, start: int, stop: int, axis: int) -> str:
        numbers = {"start": start, "stop": stop, "axis": axis}
        return self.add("Slice", [x, *(self.integers(f"{name}/{n}", v) for n, v in numbers.items())], name)

    def reshape(self, x: str, name: str, *shape: int) -> str:
        return self.add("Reshape", [x, self.integers(f"{name}/shape", *shape)], name)

    def convolve(
        self,
        x: str,
        name: str,
        kernel: Array,
        bias: Array,
        pads: list[int],
        strides: tuple[int, int] = (1, 1),
    ) -> str:
        """Return the convolution with a kernel (out, in, height, width), filled up to whole output blocks."""
        lacking = -len(bias) % BLOCK
        filled = np.pad(kernel, ((0, lacking), (0, 0), (0, 0), (0, 0)))
        inputs = [x, self.numbers(f"{name}/kernel", filled)]
        inputs.append(self.numbers(f"{name}/bias", np.pad(bias, (0, lacking))))
        shape = list(kernel.shape[2:])
        return self.add("Conv", inputs, name, kernel_shape=shape, pads=pads, strides=list(strides))

    def model(self, n_tags: int, embedding_size: int) -> onnx.ModelProto:
        def described(name: str, *shape: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

        outputs = [described("tags", n_tags), described("penultimate", embedding_size)]
        graph = helper.make_graph(
            self._nodes, "musicnn", [described("patch", FRAMES, BANDS)], outputs, self._constants
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(
            graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="deepcuts"
        )


def _front(graph: _Graph, weights: Weights) -> str:
    """Return the five branches, normalised: (n, filters, 1, frames)."""
    shifted = graph.add("Add", ["patch", graph.numbers("input/offset", weights["input/offset"])], "shifted")
    image = graph.reshape(shifted, "image", -1, 1, FRAMES, BANDS)
    turned = graph.add("Transpose", [shifted], "turned", perm=[0, 2, 1])
    waves = graph.add("MatMul", [graph.numbers("transform", transform(BANDS)), turned], "waves")
    maxima = [_timbral(graph, name, waves, weights) for name in TIMBRAL]
    names, order = [*TIMBRAL, *TEMPORAL], [(n, i) for n in TIMBRAL for i in range(_size(weights, n))]
    for group in temporal_groups({name: weights[f"{name}/kernel"].shape[::3] for name in TEMPORAL}):
        maxima.append(_temporal(graph, image, group, weights))
        order += group.filters
    wanted = [(name, i) for name in names for i in range(_size(weights, name))]
    joined = graph.add("Concat", maxima, "maxima", axis=1)
    rows = graph.integers("order", *(order.index(one) for one in wanted))
    x = graph.add("Gather", [joined, rows], "ordered", axis=1)
    whole = {p: np.concatenate([weights[f"{n}/{p}"] for n in names]) for p in ("sign", "scale", "offset")}
    x = graph.add("Mul", [x, graph.numbers("front/sign", whole["sign"][:, None, None])], "signed")
    x = graph.add("Relu", [x], "front_relu")
    return _affine(graph, "front", x, {f"front/{part}": v for part, v in whole.items()})


def _size(weights: Weights, name: str) -> int:
    return len(weights[f"{name}/bias"])


def _affine(graph: _Graph, name: str, x: str, weights: Weights, axes: tuple[int, ...] = (1, 2)) -> str:
    scale, offset = (np.expand_dims(weights[f"{name}/{part}"], axes) for part in ("scale", "offset"))
    scaled = graph.add("Mul", [x, graph.numbers(f"{name}/scale", scale)], f"{name}_scaled")
    return graph.add("Add", [scaled, graph.numbers(f"{name}/offset", offset)], name)


def _dense(graph: _Graph, name: str, x: str, weights: Weights) -> str:
    parts = [graph.numbers(f"{name}/{part}", weights[f"{name}/{part}"]) for part in ("kernel", "bias")]
    return graph.add("Gemm", [x, *parts], f"{name}_dense")


def _timbral(graph: _Graph, name: str, waves: str, weights: Weights) -> str:
    """Return the maximum over frequency of a branch wide in frequency: (n, filters, 1, frames).

    `waves` is the input's Fourier transform along the bands, (n, 2 · coefficients, frames).
    """
    parts = spectral(weights[f"{name}/kernel"][:, :, 0], BANDS)
    n = parts.even.shape[1]
    even = _spectrum(graph, f"{name}_even", waves, parts.even, parts.cosines)
    odd = _spectrum(graph, f"{name}_odd", waves, parts.odd, parts.sines)
    x = graph.add("Add", [even, graph.add("Abs", [odd], f"{name}_unsigned")], f"{name}_places")
    x = graph.add("ReduceMax", [x], f"{name}_max", axes=[1], keepdims=0)
    x = graph.reshape(x, f"{name}_rows", -1, n, 1, FRAMES)
    return graph.add("Add", [x, graph.numbers(f"{name}/bias", _bias(weights, name))], f"{name}_raw")


def _bias(weights: Weights, name: str) -> Array:
    return weights[f"{name}/bias"][:, None, None]


def _spectrum(graph: _Graph, name: str, waves: str, kernel: Array, back: Array) -> str:
    """Return each coefficient filtered along time, transformed back: (n, positions, filters · frames)."""
    coefficients, n, parts, taps = kernel.shape
    x = graph.add(
        "Conv",
        [waves, graph.numbers(f"{name}/kernel", kernel.reshape(-1, parts, taps))],
        f"{name}_filtered",
        group=coefficients,
        kernel_shape=[taps],
        pads=[MID_PADDING, MID_PADDING],
    )
    x = graph.reshape(x, f"{name}_rows", 0, coefficients, n * FRAMES)
    return graph.add("MatMul", [graph.numbers(f"{name}/back", back), x], name)


@dataclass(frozen=True)
class FilterGroup:
    """Filters of temporal branches that one convolution computes.

    Attributes
    ----------
    taps
        Length of the longest, in frames.
    filters
        Branch and number of each.
    """

    taps: int
    filters: tuple[tuple[str, int], ...]

    @property
    def steps(self) -> int:
        """Return the number of frames computed at once, each by a shifted copy of the filters."""
        return max(1, SHIFTED_CHANNELS // len(self.filters))

    @property
    def cost(self) -> float:
        """Return the products a frame and band, those of missing channels included."""
        n = len(self.filters) * self.steps
        return (n + -n % BLOCK) * (self.taps + self.steps - 1) / self.steps


def temporal_groups(sizes: Mapping[str, tuple[int, ...]]) -> list[FilterGroup]:
    """Return the filters of the temporal branches in groups.

    What a branch has beyond whole blocks joins the next longer branch where that costs less.

    Parameters
    ----------
    sizes
        Taps and number of filters of each branch.
    """
    branches = sorted(
        (FilterGroup(taps, tuple((name, i) for i in range(n))) for name, (taps, n) in sizes.items()),
        key=lambda group: group.taps,
    )
    for k in range(len(branches) - 1):
        short, long = branches[k : k + 2]
        whole = len(short.filters) // BLOCK * BLOCK
        kept, moved = FilterGroup(short.taps, short.filters[:whole]), short.filters[whole:]
        joined = FilterGroup(long.taps, long.filters + moved)
        if whole and moved and kept.cost + joined.cost < short.cost + long.cost:
            branches[k : k + 2] = [kept, joined]
    return branches


def _temporal(graph: _Graph, image: str, group: FilterGroup, weights: Weights) -> str:
    """Return the maximum over frequency of filters along time, several frames a step, as `_timbral` does."""
    name, n, steps = f"temporal_by_{group.steps}_of_{group.taps}", len(group.filters), group.steps
    before = (group.taps - 1) // 2
    kernel = np.zeros((steps, n, group.taps + steps - 1), np.float32)
    for k, (branch, number) in enumerate(group.filters):
        taps = weights[f"{branch}/kernel"][:, 0, 0, number]
        first = before - (len(taps) - 1) // 2
        for step in range(steps):
            kernel[step, k, first + step : first + step + len(taps)] = taps
    bias = np.array([weights[f"{branch}/bias"][number] for branch, number in group.filters], np.float32)
    n_out = -(-FRAMES // steps)
    after = (n_out - 1) * steps + kernel.shape[2] - FRAMES - before
    flat = kernel.reshape(steps * n, 1, -1, 1)
    x = graph.convolve(image, name, flat, np.tile(bias, steps), [before, 0, after, 0], (steps, 1))
    x = graph.add("MaxPool", [x], f"{name}_pool", kernel_shape=[1, BANDS])
    x = graph.slice(x, f"{name}_live", 0, steps * n, 1)
    x = graph.reshape(x, f"{name}_split", 0, steps, n, n_out)
    x = graph.add("Transpose", [x], f"{name}_turned", perm=[0, 2, 3, 1])
    x = graph.reshape(x, f"{name}_row", 0, n, 1, n_out * steps)
    return graph.slice(x, f"{name}_raw", 0, FRAMES, 3)


def _mid(graph: _Graph, name: str, x: str, weights: Weights) -> str:
    """Return a convolution of the mid end, normalised: (n, filters, 1, frames)."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    pads = [0, MID_PADDING, 0, MID_PADDING]
    if name == "mid_1":
        ones = kernel[:, -1].astype(np.float64)
        live = np.pad(np.ones(FRAMES), MID_PADDING)
        under = np.lib.stride_tricks.sliding_window_view(live, len(kernel)) @ ones + bias
        x = graph.convolve(x, "mid_1_live", _turned(kernel[:, :-1]), np.zeros_like(bias), pads)
        x = graph.add("Add", [x, graph.numbers("mid_1/ones", under.T[:, None])], "mid_1_conv")
    else:
        x = graph.convolve(x, f"{name}_conv", _turned(kernel), bias, pads)
    return _affine(graph, name, graph.add("Relu", [x], f"{name}_relu"), weights)


def _turned(kernel: Array) -> Array:
    """Return a kernel (taps, in, out) as (out, in, 1, taps)."""
    return kernel.transpose(2, 1, 0)[:, :, None]
