"""``duplicates``: the same recording under another file, and other versions of a song."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import Track
    from recommender.retrieval.duplicates.groups import DuplicateGroup, Pair


def duplicates(
    context: typer.Context,
    kind: Annotated[
        Literal["identical", "same-recording", "other-version"] | None,
        typer.Option("--kind", help="Only this kind.", show_default="all"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the files that hold the same recording, and other versions of a song.

    "identical" is the same audio in another file. "same recording" is another encoding or mastering,
    recognised by sound and length, and by the tags where the sound leaves a doubt. "other version" has
    the same artist and title, but sound or length tell otherwise. In doubt nothing is said to be the same.
    """
    from recommender.commands.output import say, show_json
    from recommender.retrieval.duplicates.groups import find_duplicates, grouped

    home = home_of(context)
    catalog = home.existing_catalog()
    bundle = home.bundle()
    with catalog.transaction() as session:
        left_out = _not_analysed(session, bundle.trunk_id)
        pairs = find_duplicates(session, bundle.trunk_id, bundle.front_end.patch_s)
        sets = [g for g in grouped(pairs) if kind is None or g.kind == kind.replace("-", " ")]
        groups = _groups(session, sets)
    if left_out:
        say(f"{left_out} tracks are not analysed with the active bundle and were not compared: run ingest")
    if as_json:
        show_json({"trunk_id": bundle.trunk_id, "not_analysed": left_out, "groups": groups})
    else:
        _print(groups)


def _not_analysed(session: "Session", trunk_id: str) -> int:
    from db.sound.features import tracks_with_features
    from db.tracks import present

    analysed = tracks_with_features(session, trunk_id)
    return sum(t.error_kind is None and t.id not in analysed for t in present(session))


def _groups(session: "Session", groups: "list[DuplicateGroup]") -> list[dict[str, Any]]:
    from db.tracks import by_ids

    tracks = by_ids(session, [i for group in groups for i in group.tracks])
    return [
        {
            "kind": group.kind,
            "tracks": [_track_json(tracks[i]) for i in group.tracks],
            "pairs": [_pair_json(pair) for pair in group.pairs],
        }
        for group in groups
    ]


def _track_json(track: "Track") -> dict[str, Any]:
    from recommender.presentation.songs import range_json

    names = ("path", "title", "artist", "album", "duration_s")
    named = {name: getattr(track, name) for name in names}
    return {"track_id": track.id, **named, **range_json(track)}


def _pair_json(pair: "Pair") -> dict[str, Any]:
    from dataclasses import asdict

    facts = asdict(pair)
    agreement = facts.pop("agreement") or {}
    names = {"temporal_correlation": "course", "smooth_correlation": "smooth_course"}
    named = {names.get(k, k): round(v, 4) for k, v in agreement.items()}
    return facts | {"agreement": named or None}


def _print(groups: list[dict[str, Any]]) -> None:
    from recommender.commands.output import printable, show
    from recommender.presentation.text import clock

    for number, group in enumerate(groups, start=1):
        reasons = "; ".join(dict.fromkeys(pair["why"] for pair in group["pairs"]))
        show(f"{number}. {group['kind']}: {reasons}")
        for track in group["tracks"]:
            best = _best(group["pairs"], track["track_id"])["agreement"]
            sound = f"sound {best['cosine']:.2f}, course {best['course']:.2f}" if best else ""
            length = clock(track["duration_s"])
            show(f"  {length:>7}  {sound:24}  {track['track_id']:>6}  {printable(track['path'])}")
    if not groups:
        show("No duplicates.")


def _best(pairs: list[dict[str, Any]], track_id: int) -> dict[str, Any]:
    """Return the pair that joins a track to the others most surely; any where another file stands for it."""
    own = [pair for pair in pairs if track_id in (pair["one"], pair["other"])] or pairs

    def surety(pair: dict[str, Any]) -> tuple[bool, float]:
        return pair["kind"] == "identical", pair["agreement"]["course"] if pair["agreement"] else -1.0

    return max(own, key=surety)
