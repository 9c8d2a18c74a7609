"""Cut away the dead filters of MSD_musicnn without changing its function.

A filter whose kernel is zero gives one constant whatever the input. The live channels are kept and
the dead ones are replaced by a single channel of ones: its kernel in the mid end is the sum over
the dead channels of constant times kernel row, so that the zero padding at the edges stays right;
their share of the dense layer is a constant and joins its bias.

More exact rewrites save time. The scale of the input's batch norm joins the first kernels and only
its offset stays, since the zero padding comes after it. The first layer's batch norms come after its
max-pooling: for a channel whose scale is negative, the largest normalised value comes from the
smallest activation, so such filters are stored negated with ``sign`` −1
(``max(bn(relu(c))) = bn(relu(sign · max(sign · c)))``). The batch norm before ``dense`` is folded
into it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Weights = dict[str, npt.NDArray[np.float32]]

EPSILON = 1e-3
LIVE_NORM = 1e-4
# (convolution, its batch norm, name in the pruned trunk), in the order of concatenation
BRANCHES = (
    ("conv2d", "batch_normalization_1", "timbral_38"),
    ("conv2d_1", "batch_normalization_2", "timbral_67"),
    ("conv2d_2", "batch_normalization_3", "temporal_128"),
    ("conv2d_3", "batch_normalization_4", "temporal_64"),
    ("conv2d_4", "batch_normalization_5", "temporal_32"),
)
MID_END = (
    ("conv2d_5", "batch_normalization_6", "mid_1"),
    ("conv2d_6", "batch_normalization_7", "mid_2"),
    ("conv2d_7", "batch_normalization_8", "mid_3"),
)


@dataclass(frozen=True)
class _Branch:
    """One first-layer branch: its live filters, and the constants of its dead ones."""

    live: npt.NDArray[np.bool_]
    dead_value: Array  # one per original filter; meaningful where not live


def batch_norm(weights: Weights, name: str) -> tuple[Array, Array]:
    """Return a batch norm as ``(scale, offset)``: ``y = scale · x + offset``."""
    gamma, beta, mean, variance = (
        weights[f"{name}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale, beta - scale * mean


def _prune_branch(weights: Weights, conv: str, norm: str, name: str, out: dict[str, Array]) -> _Branch:
    input_scale, _ = batch_norm(weights, "batch_normalization")
    kernel = weights[f"{conv}/kernel"].astype(np.float64) * input_scale
    bias = weights[f"{conv}/bias"].astype(np.float64)
    scale, offset = batch_norm(weights, norm)
    live = np.sqrt((kernel**2).sum(axis=(0, 1, 2))) > LIVE_NORM
    sign = np.where(scale < 0, -1.0, 1.0)[live]
    out[f"{name}/kernel"] = kernel[..., live] * sign
    out[f"{name}/bias"] = bias[live] * sign
    out[f"{name}/sign"] = sign
    out[f"{name}/scale"], out[f"{name}/offset"] = scale[live], offset[live]
    return _Branch(live, scale * np.maximum(bias, 0) + offset)


def _join_dense(
    weights: Weights, live: npt.NDArray[np.bool_], dead_value: Array, out: dict[str, Array]
) -> None:
    """Fold the batch norm before ``dense`` and the dead channels into ``dense``."""
    scale, offset = batch_norm(weights, "batch_normalization_9")
    kernel = weights["dense/kernel"].astype(np.float64)
    bias = weights["dense/bias"].astype(np.float64) + offset @ kernel
    kernel = kernel * scale[:, None]
    per_channel = kernel.reshape(-1, 2, kernel.shape[1])  # max and mean of a channel are neighbours
    keep = np.concatenate([live, np.ones(per_channel.shape[0] - live.size, bool)])
    # A constant channel has its value both as its maximum and as its mean.
    bias += np.einsum("c,cko->o", dead_value[~live], per_channel[: live.size][~live])
    kept = per_channel[keep]
    out["penultimate/kernel"] = np.concatenate([kept[:, 0], kept[:, 1]])  # all maxima, then all means
    out["penultimate/bias"] = bias


def prune(weights: Weights) -> Weights:
    """Return the pruned trunk's weights.

    Parameters
    ----------
    weights
        The published network's variables, as `convert_trunk.read_wheel` returns them.

    Returns
    -------
    dict
        ``<branch>/{kernel,bias,sign,scale,offset}`` for the five first-layer branches,
        ``mid_<n>/{kernel,bias,scale,offset}`` (kernels of shape 7 × channels in × 64; the first
        one's last input channel is the channel of ones), ``penultimate/{kernel,bias,scale,offset}``,
        ``tags/{kernel,bias}`` and ``input/offset``, float32.
    """
    out: dict[str, Array] = {}
    input_scale, input_offset = batch_norm(weights, "batch_normalization")
    out["input/offset"] = input_offset / input_scale
    branches = [_prune_branch(weights, *names, out) for names in BRANCHES]
    live = np.concatenate([b.live for b in branches])
    dead_value = np.concatenate([b.dead_value for b in branches])
    for number, (conv, norm, name) in enumerate(MID_END):
        kernel = weights[f"{conv}/kernel"][:, :, 0, :].astype(np.float64)
        if number == 0:
            ones = np.einsum("c,tco->to", dead_value[~live], kernel[:, ~live])
            kernel = np.concatenate([kernel[:, live], ones[:, None]], axis=1)
        out[f"{name}/kernel"] = kernel
        out[f"{name}/bias"] = weights[f"{conv}/bias"].astype(np.float64)
        out[f"{name}/scale"], out[f"{name}/offset"] = batch_norm(weights, norm)
    _join_dense(weights, live, dead_value, out)
    out["penultimate/scale"], out["penultimate/offset"] = batch_norm(weights, "batch_normalization_10")
    out["tags/kernel"] = weights["dense_1/kernel"].astype(np.float64)
    out["tags/bias"] = weights["dense_1/bias"].astype(np.float64)
    return {name: np.ascontiguousarray(value, np.float32) for name, value in out.items()}
