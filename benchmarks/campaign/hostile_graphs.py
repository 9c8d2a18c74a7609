"""ONNX graphs that no trunk has: endless, enormous, reaching for other files, or giving other things."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FRAMES, BANDS, TAGS, SIZE = 187, 96, 50, 200
Node = onnx.NodeProto
Change = Callable[[onnx.ModelProto], None]


def trunk(nodes: list[Node] | None = None, tensors: list[Any] | None = None) -> onnx.ModelProto:
    """Return a small trunk that works; ``extra``, a number that nodes give, is added to the embedding."""
    random = np.random.default_rng(0)
    weights = {
        "to_tags": random.normal(0, 0.1, (BANDS, TAGS)).astype(np.float32),
        "to_embedding": random.normal(0, 0.1, (BANDS, SIZE)).astype(np.float32),
    }
    made = [
        helper.make_node("ReduceMean", ["patch"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "to_tags"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["tags"]),
        helper.make_node("MatMul", ["mean", "to_embedding"], ["plain"]),
        *(nodes or []),
        helper.make_node("Add", ["plain", "extra"], ["penultimate"])
        if nodes
        else helper.make_node("Identity", ["plain"], ["penultimate"]),
    ]
    graph = helper.make_graph(
        made,
        "trunk",
        [_value("patch", ["n", FRAMES, BANDS])],
        [_value("tags", ["n", TAGS]), _value("penultimate", ["n", SIZE])],
        [*(numpy_helper.from_array(v, k) for k, v in weights.items()), *(tensors or [])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def _value(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _numbers(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def _summed(*nodes: Node) -> list[Node]:
    """Return nodes that end in a tensor ``big``, and its sum as ``extra``."""
    return [*nodes, helper.make_node("ReduceSum", ["big"], ["extra"], keepdims=0)]


def _enormous() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield graphs that need 10^10 numbers, or as many steps."""
    side = _numbers("side", 100_000, 100_000)
    one = numpy_helper.from_array(np.ones((1, 1), np.float32), "one")
    yield (
        "ConstantOfShape of 10^10",
        trunk(_summed(helper.make_node("ConstantOfShape", ["side"], ["big"])), [side]),
    )
    yield "Expand to 10^10", trunk(_summed(helper.make_node("Expand", ["one", "side"], ["big"])), [side, one])
    yield "Tile to 10^10", trunk(_summed(helper.make_node("Tile", ["one", "side"], ["big"])), [side, one])
    pads = _numbers("pads", 0, 0, 100_000, 100_000)
    yield "Pad to 10^10", trunk(_summed(helper.make_node("Pad", ["one", "pads"], ["big"])), [pads, one])
    ends = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in (("a", 0), ("b", 3e9), ("c", 1))]
    yield "Range of 3·10^9", trunk(_summed(helper.make_node("Range", ["a", "b", "c"], ["big"])), ends)
    side = _numbers("side", 4_000, 4_000)
    squares = [helper.make_node("Expand", ["one", "side"], ["s0"])]
    squares += [helper.make_node("MatMul", [f"s{i}", f"s{i}"], [f"s{i + 1}"]) for i in range(200)]
    last = helper.make_node("Identity", ["s200"], ["big"])
    yield "200 products of 4,000 × 4,000", trunk(_summed(*squares, last), [side, one])
    nodes = [
        helper.make_node("Identity", ["mean" if i == 0 else f"i{i}"], [f"i{i + 1}"]) for i in range(120_000)
    ]
    yield "120,000 nodes", trunk([*nodes, helper.make_node("ReduceSum", ["i120000"], ["extra"], keepdims=0)])


def _endless() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield graphs with graphs in them."""
    yes = numpy_helper.from_array(np.array(True), "yes")
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["yes_in"], ["yes_out"]),
            helper.make_node("Identity", ["x_in"], ["x_out"]),
        ],
        "body",
        [
            _value("step", [], TensorProto.INT64),
            _value("yes_in", [], TensorProto.BOOL),
            _value("x_in", []),
        ],
        [_value("yes_out", [], TensorProto.BOOL), _value("x_out", [])],
    )
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    loop = helper.make_node("Loop", ["", "yes", "zero"], ["extra"], body=body)
    yield "a Loop without an end", trunk([loop], [yes, zero])
    branch = helper.make_graph(
        [helper.make_node("Identity", ["zero"], ["given"])], "branch", [], [_value("given", [])]
    )
    either = helper.make_node("If", ["yes"], ["extra"], then_branch=branch, else_branch=branch)
    yield "an If", trunk([either], [yes, zero])


def _elsewhere(canary: Path) -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield graphs whose numbers are to be read from another file."""
    for name in (str(canary), "../canary", "canary.bin", "/dev/zero", "trunk.npz"):
        model = trunk()
        _external(model.graph.initializer[0], name)
        yield f"weights in {Path(name).name}", model
    model = trunk()
    model.graph.initializer[0].external_data.add(key="location", value=str(canary))
    yield "weights here that name another file", model
    tensor = numpy_helper.from_array(np.zeros((), np.float32), "value")
    _external(tensor, str(canary))
    yield "an attribute in another file", trunk([helper.make_node("Constant", [], ["extra"], value=tensor)])
    sparse = onnx.SparseTensorProto(dims=[4])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "sparse"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "at"))
    _external(sparse.values, str(canary))
    model = trunk()
    model.graph.sparse_initializer.append(sparse)
    yield "a sparse tensor in another file", model


def _external(tensor: onnx.TensorProto, place: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)


def _foreign() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield graphs of operators that are not ONNX's."""
    for domain, kind in (("com.example", "Evil"), ("com.microsoft", "Gelu"), ("ai.onnx.ml", "Scaler")):
        model = trunk([helper.make_node(kind, ["plain"], ["extra"], domain=domain)])
        model.opset_import.append(helper.make_opsetid(domain, 1))
        yield f"{domain} {kind}", model
    inner = helper.make_function(
        "mine", "F", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])], [helper.make_opsetid("", 15)]
    )
    model = trunk([helper.make_node("Identity", ["plain"], ["extra"])])
    model.functions.append(inner)
    yield "a function of its own", model
    model = trunk()
    model.training_info.add().algorithm.CopyFrom(model.graph)
    yield "graphs for training", model
    yield "an operator that there is not", trunk([helper.make_node("NoSuchOperator", ["plain"], ["extra"])])


def _wrong() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield graphs that are none of a trunk, or give other things than one does."""

    def with_(change: Change) -> onnx.ModelProto:
        model = trunk()
        change(model)
        return model

    yield "no graph", onnx.ModelProto()
    yield "no outputs", with_(lambda m: m.graph.ClearField("output"))
    yield "one output", with_(lambda m: m.graph.output.pop())
    yield "another input's name", with_(lambda m: setattr(m.graph.input[0], "name", "sound"))
    yield "an input more", with_(lambda m: m.graph.input.append(_value("more", [1])))
    yield "an output more", with_(lambda m: m.graph.output.append(_value("scores", ["n", TAGS])))
    yield (
        "patches of other sizes",
        with_(lambda m: m.graph.input[0].CopyFrom(_value("patch", ["n", 100, 96]))),
    )
    yield (
        "one patch at a time",
        with_(lambda m: m.graph.input[0].CopyFrom(_value("patch", [1, FRAMES, BANDS]))),
    )
    kind = TensorProto.DOUBLE
    yield "doubles", with_(lambda m: m.graph.input[0].CopyFrom(_value("patch", ["n", FRAMES, BANDS], kind)))
    yield "a node that reads what there is not", with_(lambda m: m.graph.node[1].input.append("nothing"))
    minus = numpy_helper.from_array(np.array(-1, np.float32), "minus")
    yield "NaN", trunk([helper.make_node("Log", ["minus"], ["extra"])], [minus])
    large = numpy_helper.from_array(np.array(3e38, np.float32), "extra_large")
    yield "infinity", trunk([helper.make_node("Add", ["extra_large", "extra_large"], ["extra"])], [large])
    yield "huge numbers", trunk([helper.make_node("Identity", ["extra_large"], ["extra"])], [large])
    for name, change in (("tags that are no probabilities", "Identity"), ("tags of NaN", "Sqrt")):
        model = trunk()
        model.graph.node[2].op_type = change
        if change == "Sqrt":
            scores = numpy_helper.from_array(np.full((BANDS, TAGS), -1, np.float32), "to_tags")
            model.graph.initializer[0].CopyFrom(scores)
        yield name, model
    model = trunk()
    model.graph.initializer[1].CopyFrom(
        numpy_helper.from_array(np.ones((BANDS, SIZE - 1), np.float32), "to_embedding")
    )
    yield "embeddings of another size", model


def graphs(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the content of ``trunk.onnx``, each with what is wrong with it; `canary` is no bundle's."""
    for part in (_enormous(), _endless(), _elsewhere(canary), _foreign(), _wrong()):
        for name, model in part:
            yield name, model.SerializeToString()
    yield "nothing", b""
    yield "text", b"not ONNX"
    yield "zeros", bytes(100_000)
    nested = b""
    for _ in range(2_000):  # a graph in an attribute of a node, in a graph …
        nested = _field(7, _field(1, _field(5, _field(6, nested))))[-60_000:]
    yield "graphs within graphs without end", nested


def _field(number: int, content: bytes) -> bytes:
    """Return a protobuf field that holds a message."""
    size, length = len(content), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content
