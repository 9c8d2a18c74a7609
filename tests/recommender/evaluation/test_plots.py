"""What is drawn of catalogues and evaluations carries the right values, and can be read."""

import stat
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from classifier.errors import PictureError
from classifier.plotting.style import COLOURS
from recommender.evaluation import plots
from recommender.evaluation.list_metrics import DiscoverPoint, Method
from recommender.evaluation.plots import draw_evaluation
from recommender.evaluation.robustness import Survival
from recommender.map import plot
from recommender.map.colours import MapClasses, decade_classes, label_classes, label_groups
from recommender.map.plot import MOST_COLOURS, draw_map
from recommender.map.regions import Region

METHODS = [
    Method("uncorrected", 0.70, np.array([0, 4, 0, 4])),
    Method("corrected", 0.92, np.array([2, 2, 1, 3])),
]
CURVE = [DiscoverPoint(0.0, 0.4, 0.7), DiscoverPoint(0.5, 0.6, 0.65), DiscoverPoint(1.0, 0.9, 0.5)]
SURVIVALS = [Survival("mp3 64k", 20, 19, 20), Survival("cut by 10 s", 0), Survival("6 dB louder", 10, 5, 9)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, for a look at their artists; nothing is written."""
    figures: list[Figure] = []
    for module in (plots, plot):
        monkeypatch.setattr(module, "save", lambda figure, path: figures.append(figure))
    return figures


def by_label(labels: list[str]) -> MapClasses:
    return label_classes(labels, MOST_COLOURS)


def everything(path: Path) -> None:
    draw_evaluation(METHODS, 2, path, curve=CURVE, survivals=SURVIVALS, title="4 tracks")


def test_files_are_whole_and_small(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    everything(tmp_path / "evaluation.png")
    draw_map(
        points,
        by_label(["jazz"] * 30 + ["unsure"] * 20),
        ["A $ong of $ome"] * 50,
        tmp_path / "map.png",
        size_px=700,
    )
    for name, least, most in (("evaluation.png", 700, 1200), ("map.png", 700, 700)):
        with Image.open(tmp_path / name) as image:
            assert image.format == "PNG"
            pixels = np.asarray(image.convert("RGB"))
        assert least <= pixels.shape[1] <= most
        assert pixels.std() > 5
        assert (tmp_path / name).stat().st_size < 150_000
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
    assert len(list(tmp_path.iterdir())) == 2


def test_an_unwritable_place_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"^cannot write .*: [^\n]+$"):
        everything(tmp_path / "absent" / "it.png")
    with pytest.raises(PictureError, match=r"^cannot write .*: [^\n]+$"):
        draw_map(np.zeros((1, 2)), by_label(["unsure"]), [""], tmp_path / "absent" / "it.png")


# The evaluation.


def test_an_evaluation_carries_its_figures(drawn: list[Figure], tmp_path: Path) -> None:
    everything(tmp_path / "unused")
    precision, exposure, curve, survival = drawn[0].axes
    assert [bar.get_width() for bar in precision.patches] == [0.70, 0.92]
    assert [text.get_text() for text in precision.get_yticklabels()] == ["uncorrected", "corrected"]
    assert [text.get_text() for text in precision.texts] == ["0.700", "0.920"]
    steps = [patch.get_data() for patch in exposure.patches]
    assert [step.values.tolist() for step in steps] == [[4, 4, 0, 0], [3, 2, 2, 1]]
    assert steps[0].edges.tolist() == [0, 25, 50, 75, 100]
    assert exposure.lines[0].get_ydata() == [2, 2]
    said = [text.get_text() for text in exposure.get_legend().get_texts()]
    # Of 4, 4, 0, 0: the mean difference is 2, half of it over the mean 2. Of 3, 2, 2, 1: 10/16 · 2 / 4.
    assert said == [
        "uncorrected: Gini 0.50, in no list 50.0 %",
        "corrected: Gini 0.19, in no list 0.0 %",
    ]
    assert curve.lines[0].get_xydata().tolist() == [[0.4, 0.7], [0.6, 0.65], [0.9, 0.5]]
    assert [text.get_text() for text in curve.texts] == ["0", "0.5", "1"]
    assert [bar.get_width() for bar in survival.patches] == [0.95, 0.5]
    assert [text.get_text() for text in survival.get_yticklabels()] == ["mp3 64k (20)", "6 dB louder (10)"]
    assert [text.get_text() for text in survival.texts] == ["95.0 %", "50.0 %"]


def test_a_method_has_one_colour_in_all_panels(drawn: list[Figure], tmp_path: Path) -> None:
    """Also where another one has no bar."""
    methods = [Method("first", None, np.array([1, 3])), METHODS[1]]
    draw_evaluation(methods, 2, tmp_path / "unused")
    precision, exposure = drawn[0].axes
    assert [to_hex(bar.get_facecolor()) for bar in precision.patches] == [COLOURS[1].lower()]
    assert [to_hex(patch.get_edgecolor()) for patch in exposure.patches] == [c.lower() for c in COLOURS[:2]]


def test_what_was_not_measured_has_no_panel(drawn: list[Figure], tmp_path: Path) -> None:
    draw_evaluation(
        [Method("first", None, np.array([1, 3]))], 2, tmp_path / "unused", survivals=SURVIVALS[1:2]
    )
    draw_evaluation(METHODS, 2, tmp_path / "unused", curve=CURVE)
    assert [len(figure.axes) for figure in drawn] == [1, 3]
    assert "in how many lists of 2" in drawn[0].axes[0].get_ylabel()


# The map.


def groups_of(figure: Figure) -> dict[str, PathCollection]:
    return {str(one.get_label()): one for one in figure.axes[0].collections}


def test_a_map_carries_its_points_by_genre(drawn: list[Figure], tmp_path: Path) -> None:
    points = np.random.default_rng(2).uniform(-1, 1, (9, 2))
    genres = ["jazz", "rock", "unsure", "rock", "jazz", "rock", "not music", "polka", "rock"]
    draw_map(points, by_label(genres), [""] * 9, tmp_path / "unused", heading="Nine")
    found = groups_of(drawn[0])
    assert set(found) == {"rock (4)", "jazz (2)", "polka (1)", "unsure (1)", "not music (1)"}
    np.testing.assert_array_equal(found["rock (4)"].get_offsets(), points[[1, 3, 5, 8]])
    np.testing.assert_array_equal(found["unsure (1)"].get_offsets(), points[[2]])
    np.testing.assert_array_equal(found["not music (1)"].get_offsets(), points[[6]])
    colours = {name: to_hex(one.get_facecolor()[0]) for name, one in found.items()}
    assert colours["rock (4)"] == COLOURS[0].lower()
    assert len(set(colours.values())) == 4
    assert len({colours["unsure (1)"][n : n + 2] for n in (1, 3, 5)}) == 1  # grey
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    # The largest first, grey last.
    assert labels == ["rock (4)", "jazz (2)", "polka (1)", "unsure (1)", "not music (1)"]


def test_ten_genres_look_different(drawn: list[Figure], tmp_path: Path) -> None:
    """By colour or, where the palette is used up, by shape."""
    genres = [f"genre {n}" for n in range(12) for _ in range(13 - n)]
    points = np.random.default_rng(0).uniform(-1, 1, (len(genres), 2))
    draw_map(points, by_label(genres), [""] * len(genres), tmp_path / "unused")
    looks = {
        (to_hex(one.get_facecolor()[0]), len(one.get_paths()[0].vertices), one.get_label() == "other (5)")
        for one in drawn[0].axes[0].collections
    }
    assert len(looks) == 11
    assert "other (5)" in groups_of(drawn[0])  # 3 and 2 of the two rarest


def test_genres_are_grouped_to_ten_at_most() -> None:
    few = ["rock/punk", "rock/indie", "unsure", "jazz", "not music"]
    assert label_groups(few, MOST_COLOURS) == few
    fine = [f"rock/{n}" for n in range(8)] + ["jazz/a", "jazz/b", "pop"]
    assert label_groups(fine, MOST_COLOURS) == ["rock"] * 8 + ["jazz"] * 2 + ["pop"]
    below_one = [f"rock/{n:02d}" for n in range(12)] + ["rock/00"]
    assert label_groups(below_one, MOST_COLOURS) == [*below_one[:10], "other", "other", "rock/00"]
    assert label_groups([], MOST_COLOURS) == []


def boxes_of(figure: Figure) -> dict[str, np.ndarray]:
    """Where each title really is, in pixels: x0, y0, x1, y1."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    return {text.get_text(): text.get_window_extent(renderer).extents for text in figure.axes[0].texts}


def test_titles_are_written_where_there_is_room(drawn: list[Figure], tmp_path: Path) -> None:
    """None over another, over a point, or over the frame, by what the renderer says."""
    points = np.random.default_rng(4).uniform(-1, 1, (120, 2))
    titles = [f"Song number {n}" if n % 2 else f"No. {n}" for n in range(120)]
    draw_map(points, by_label(["jazz"] * 120), titles, tmp_path / "unused", size_px=900)
    figure = drawn[0]
    found = boxes_of(figure)
    assert len(found) > 20
    assert "No. 0" in found  # the first ones first
    boxes = np.array(list(found.values()))
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        others = np.delete(boxes, number, axis=0)
        apart = (others[:, 0] >= x1) | (others[:, 2] <= x0) | (others[:, 1] >= y1) | (others[:, 3] <= y0)
        assert apart.all()
    pixels = figure.axes[0].transData.transform(points)
    for x0, y0, x1, y1 in boxes:
        inside = (pixels[:, 0] > x0) & (pixels[:, 0] < x1) & (pixels[:, 1] > y0) & (pixels[:, 1] < y1)
        assert not inside.any()
    frame = figure.axes[0].bbox.extents
    assert (boxes[:, 2] <= frame[2]).all()
    for title, (x0, y0, _, y1) in found.items():
        x, y = pixels[titles.index(title)]
        assert 0 < x0 - x < 10
        assert y0 < y < y1


def test_names_of_areas_are_written_first_and_none_lies_on_another(
    drawn: list[Figure], tmp_path: Path
) -> None:
    random = np.random.default_rng(6)
    points = random.uniform(-1, 1, (60, 2))
    regions = [
        Region(f"Area of sounds {n}", float(x), float(y), int(n > 5), 9)
        for n, (x, y) in enumerate(random.uniform(-1, 1, (40, 2)))
    ]
    titles = [f"Song {n}" for n in range(60)]
    draw_map(points, by_label(["jazz"] * 60), titles, tmp_path / "unused", regions=regions, size_px=800)
    found = boxes_of(drawn[0])
    assert "Area of sounds 0" in found and 5 < sum(name.startswith("Area") for name in found) < 40
    boxes, frame = np.array(list(found.values())), drawn[0].axes[0].bbox.extents
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        others = np.delete(boxes, number, axis=0)
        apart = (others[:, 0] >= x1) | (others[:, 2] <= x0) | (others[:, 1] >= y1) | (others[:, 3] <= y0)
        assert apart.all()
        assert frame[0] <= x0 and x1 <= frame[2]


def test_steps_of_a_scale_are_drawn_in_its_colours(drawn: list[Figure], tmp_path: Path) -> None:
    classes = decade_classes([1970, 1990, None, 1985, 1990])
    draw_map(np.random.default_rng(0).uniform(-1, 1, (5, 2)), classes, [""] * 5, tmp_path / "unused")
    found = groups_of(drawn[0])
    colours = {name: to_hex(one.get_facecolor()[0]) for name, one in found.items()}
    assert colours["1970s (1)"] == plot.SCALE[0] and colours["1980s (1)"] == plot.SCALE[3]
    assert colours["1990s (2)"] == plot.SCALE[6] and colours["no year (1)"] == plot.PALE_POINT.lower()
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == ["1970s (1)", "1980s (1)", "1990s (2)", "no year (1)"]


def test_odd_titles_do_not_stop_a_map(drawn: list[Figure], tmp_path: Path) -> None:
    """Dollar signs are no formula; what the font lacks is left out rather than drawn as boxes."""
    points = np.array([[-1.0, -1], [-1, 0], [-1, 1], [0, 0.5]])
    titles = ["$x_1$ of $\\nonsense$", "夜に駆ける", "odd \udcff byte", ""]
    draw_map(points, by_label(["$genre$"] * 4), titles, tmp_path / "unused")
    assert set(boxes_of(drawn[0])) - {""} == {"$x_1$ of $\\nonsense$"}
    FigureCanvasAgg(drawn[0]).draw()


def test_one_point_is_a_map(drawn: list[Figure], tmp_path: Path) -> None:
    draw_map(np.zeros((1, 2)), by_label(["not music"]), ["Alone"], tmp_path / "unused", size_px=300)
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["not music (1)"]
    assert set(boxes_of(drawn[0])) == {"Alone"}
