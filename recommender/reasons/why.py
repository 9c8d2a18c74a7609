"""From what the catalogue knows of a query and of a match to the reasons why they are similar."""

from dataclasses import replace

from sqlalchemy.orm import Session

from classifier.model.bundle import Bundle
from db.sound.patches import track_patches
from recommender.describe import NOT_MUSIC_LABEL, track_sound
from recommender.reasons.traits import MatchReasons, SoundProfile, reasons
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.query import Query
from recommender.retrieval.query_measures import stored_measures
from recommender.retrieval.similar import Match


def match_reasons(
    session: Session, index: SegmentIndex, bundle: Bundle, query: Query, match: Match
) -> MatchReasons:
    """Return why a match is in the list for a query.

    Where a passage was asked for, its tags and genres are compared with those of the whole match.

    Parameters
    ----------
    session, index, bundle
        As `recommender.retrieval.similar.similar` takes them.
    query, match
        The one of the queries that the match names, and the match.
    """
    track_id, patch_s = match.track.id, bundle.front_end.patch_s
    sound = track_sound(session, track_id, bundle)
    found = track_patches(session, [track_id], bundle.trunk_id, patch_s).get(track_id)
    patches = PatchSequence(found.starts_s, found.embeddings, patch_s) if found is not None else None
    nodes = bundle.taxonomy.node_probabilities(query.genres, query.tags)
    usual = index.rows.tags.mean(axis=0)
    mine = SoundProfile(query.tags, nodes, query.patches)
    its = SoundProfile(0 * usual, {}, patches)
    if sound is not None:
        its = SoundProfile(sound.tags, sound.nodes, patches)
        if NOT_MUSIC_LABEL in (query.verdict, sound.label):  # of which neither genres nor tags are told
            mine, its = (SoundProfile(0 * usual, {}, one.patches) for one in (mine, its))
    why = reasons(
        mine,
        its,
        bundle.tag_names,
        usual,
        match.parts,
        match.passage,
        index.reference.centre,
    )
    return replace(why, measures=(query.measures, stored_measures(match.track)))
