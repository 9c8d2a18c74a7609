"""A trunk in Keras to the ONNX file that serves it. Imports Keras."""

import tempfile
import warnings
from pathlib import Path

import keras
import onnx
from keras import ops

from classifier.model.bundle import MUSICNN
from classifier.networks.architectures import Network
from classifier.networks.musicnn_onnx import export_musicnn


def export_trunk(network: Network, path: Path) -> None:
    """Write a network's trunk as ONNX, with the outputs ``tags``, where it has them, and ``penultimate``.

    The musicnn trunk is laid out for speed (`classifier.networks.musicnn_onnx`), others are left to Keras.
    """
    if network.architecture["name"] == MUSICNN["name"]:
        export_musicnn(network.trunk_weights(), path)
        return
    names = ["tags", "penultimate"] if len(network.trunk.outputs) == 2 else ["penultimate"]
    export_onnx(network.trunk, path, names)


def export_onnx(model: keras.Model, path: Path, output_names: list[str]) -> None:
    """Write a model as ONNX.

    Parameters
    ----------
    model
        Its outputs keep their order.
    path
        The file to write.
    output_names
        The names that the ONNX file gives the outputs.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "model.onnx")
        # Keras refuses to export a functional model that was never called.
        model(ops.zeros((1, *model.input_shape[1:])))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of numpy, at how Keras asks for np.object
            model.export(str(raw), format="onnx", verbose=False)
        graph_file = onnx.load(str(raw))
    graph = graph_file.graph
    for output, name in zip(graph.output, output_names, strict=True):
        for node in graph.node:
            node.output[:] = [name if o == output.name else o for o in node.output]
            node.input[:] = [name if i == output.name else i for i in node.input]
        output.name = name
    onnx.checker.check_model(graph_file)
    onnx.save(graph_file, str(path))
