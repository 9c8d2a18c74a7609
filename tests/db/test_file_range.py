"""Tracks that are a part of a file."""

from db.file_range import FileRange, file_of, part_path
from db.models import Root, Track


def test_a_part_is_known_by_its_number_and_leads_to_its_file() -> None:
    assert part_path("/m/Album #2.flac", 3) == "/m/Album #2.flac#03"
    assert file_of("/m/Album #2.flac#03") == "/m/Album #2.flac"
    assert file_of("/m/Album #2.flac") == "/m/Album #2.flac"
    assert file_of(part_path("/m/x.flac", 112)) == "/m/x.flac"


def test_a_track_says_which_file_holds_it_and_from_where_to_where() -> None:
    root = Root(path="/m")
    of_file = Track(root=root, rel_path="a #04.flac")
    assert of_file.file_range == FileRange("/m/a #04.flac")
    assert of_file.file_range.whole
    part = Track(root=root, rel_path="b.flac#02", range_start_s=0.0, range_end_s=61.5)
    assert part.file_range == FileRange("/m/b.flac", 0.0, 61.5)
    assert not part.file_range.whole
    last = Track(root=root, rel_path="b.flac#03", range_start_s=61.5)
    assert last.file_range == FileRange("/m/b.flac", 61.5, None)
