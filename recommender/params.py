"""Defaults of the recommender package, each stated here and nowhere else."""

import os
from typing import Final

APP_NAME: Final = "deepcuts"
HOME_VARIABLE: Final = "DEEPCUTS_HOME"
TRACEBACK_VARIABLE: Final = "DEEPCUTS_TRACEBACK"
"""Where it is set, an error that nothing expected is also printed with its traceback."""

# Watching folders.
SETTLE_S: Final = 3.0
SETTLE_MOST_S: Final = 60.0
RESCAN_S: Final = 3600.0
AWAY_S: Final = 30.0
"""How often a folder that is not there is looked for, at least."""
BUSY_S: Final = 2.0

# Retrieval.
N_RESULTS: Final = 10
RADIO_FAR: Final = 0.3
RADIO_SONGS: Final = 100
AHEAD: Final = 5
RADIO_AT_ONCE: Final = 10
"""Songs that a radio chooses, and keeps, before it hands them out."""
USUAL_PER_ARTIST: Final = 3
USUAL_PER_ALBUM: Final = 2
"""Of a list of that length; of longer ones in proportion."""
EXACT_SEGMENTS: Final = 100_000
"""Up to so many segments every track is scored; of more, an inverted file names the candidates."""
FIRST_NEIGHBOURS: Final = 256
"""Nearest segments taken for each query segment before tracks are scored exactly."""
SEARCHED_SEGMENTS: Final = 32
"""So many segments of a query, evenly spread, look for candidates."""
FEW_SHUT_OUT: Final = 8
"""More tracks that do not count, as what a player was given before, are passed over by the search itself."""
SCALAR_QUANTISED: Final = 16_000_000
"""Up to so many segments are kept at a byte a dimension in the inverted file; of more, at a quarter."""
LISTS_PER_ROOT: Final = 4.0
"""Lists of an inverted file: so many times the root of its vectors, to the nearest power of two."""
MOST_LISTS: Final = 8192
LEAST_PER_LIST: Final = 32
"""Vectors that a list is learnt from."""
LEARNT_FROM: Final = 65_536
"""Vectors at least that an inverted file is learnt from, where there are as many."""
LIST_ROUNDS: Final = 10
"""Of k-means, when lists are learnt."""
LEAST_RECALL: Final = 0.985
"""Of the ten nearest segments of a query, by an exact search, so many are found among the candidates."""
RECALL_QUERIES: Final = 200
CHECKED_BYTES: Final = 16 * 2**20
"""An index of up to so many bytes is hashed whole when it is opened; of a larger one only the sizes."""

MATCH_TEMPERATURE: Final = 0.05
"""Of the soft maximum over the segments of the other song; 0 would be the best match alone."""
AGREEMENT_TEMPERATURE: Final = 0.05
"""Of the soft minimum over several queries."""
NOT_WEIGHT: Final = 0.5
"""What likeness to a song that is not wanted costs, in parts of that likeness."""
LEAST_FIT: Final = 0.4
"""A song that is found by words fits them so well at least; 0.5 is as well as songs usually do."""
TAG_PRESENT: Final = 0.1
"""A song has a tag, for a filter, from this probability on."""
POOL: Final = 200
"""Tracks from which a list is chosen at a time, so that its songs are not all of one kind."""
PLAIN_POOL: Final = 16
"""The same where only the order counts: then the list is the same from a pool of any size."""
MAYBE_SAME: Final = 0.9
"""Cosine of two songs' mean vectors under which they are not looked at as the same recording."""
SAME_LENGTH_S: Final = 3.25
SAME_LENGTH: Final = 0.01
"""Two files of one recording differ by this much at most, in seconds and in parts of their length."""
QUERY_SONGS: Final = 50
"""Of a playlist or folder that is asked for, so many songs, evenly spread, are looked for."""
SEEDS: Final = 20
"""`discover` starts from so many of the songs played most."""
WORTH_A_TASTE: Final = 0.5
"""A song that comes in for another taste scores so many parts of what it displaces at least."""
PATH_SONGS: Final = 12
PATH_POOL: Final = 150
"""A walk steps on so many songs near its start, near its end, and near both."""
PATH_LONGEST: Final = 500
"""For a longer walk they are more, but no more than this: its time grows with their square."""
AROUND_S: Final = 30.0
"""How far around the best segment of a track its best passage is looked for, in seconds."""
ALIGNED_TRACKS: Final = 50
"""So many of the best tracks for a passage have it looked for between segment borders, too."""

# The same recording; benchmarks/duplicates.py has the measurements.
MAYBE_SAME_MEAN: Final = 0.85
"""Cosine of two tracks' mean embeddings under which their patches are not compared."""
ALIGN_STEP_S: Final = 0.25
NEAR_PATCH_S: Final = 0.5
"""A patch stands for what is so many seconds away where there is none on its other side."""
ALIGNED_SHARE: Final = 0.75
"""Of the patches of the longer file, so many need a counterpart."""
OTHER_MUSIC: Final = 0.7
SAME_SHARE: Final = 0.9
"""So many of the patches must have a cosine of `OTHER_MUSIC` or more."""
SAME_PATCHES: Final = 3
"""With fewer, sound alone does not tell: their temporal correlation says little."""
SAME_SOUND_BARS: Final[dict[bool | None, tuple[float, float]]] = {
    True: (0.7, 0.85),
    None: (0.8, 0.85),
    False: (0.9, 0.95),
}
"""Least temporal correlation and cosine, by whether the tags agree, say nothing, or name other songs."""
SAME_SMOOTH_BARS: Final[dict[bool | None, tuple[tuple[int, float, float], ...]]] = {
    True: ((5, 0.6, 0.93),),
    None: ((5, 0.72, 0.95), (10, 0.65, 0.93), (10, 0.6, 0.96)),
    False: (),
}
"""Or these, with so many patches, of the means of neighbouring patches."""
SAME_COSINE_ALONE: Final = 0.97
"""From this cosine on, sound that hardly changes, or is short, will do where the tags agree."""

# Hub correction; docs/RECOMMENDER.md has the measurements behind each.
HUB_TEMPERATURE: Final = 0.15
HUB_FADE: Final = 0.2
"""Within so much of a perfect match the correction fades to nothing: the same audio is no hub."""
HUB_LIMIT: Final = 0.19
"""No offset is larger, so that a better match never gets a lower score (it must be under `HUB_FADE`)."""
SHRINK_TRACKS: Final = 5
"""Centre and offsets of a catalogue of so many tracks count half; of a large one, wholly."""
REFERENCE_TRACKS: Final = 1000
REFERENCE_TRACK_SEGMENTS: Final = 16
REFERENCE_PASSAGES: Final = 2000
REFRESH_GROWTH: Final = 1.5
"""Centre and reference are frozen until the catalogue has grown, or shrunk, by this factor."""
LIMITED_MOST: Final = 0.05
"""No offset for what limits show is larger: it decides between songs that are about as near."""
LIMITED_TRACKS: Final = 20_000
"""In a larger catalogue the sample's lists show too few of its tracks to tell who is shown more often."""
SAME_SOUND: Final = 0.999
"""Tracks that are more alike than this do not count as each other's neighbours in the reference."""

# evaluate recommender.
EVALUATED_TRACKS: Final = 3000
ALTERED_SONGS: Final = 5
FEW_TRACKS: Final = 100

# Tags of files.
LEAST_MEASURED: Final = 0.5
"""A tempo or key less sure than this is neither written into files nor told to players."""
WRITTEN_CONFIDENCE: Final = TAG_PRESENT
"""Genres, moods, voices and eras are written from this probability on: from which a song has a tag.

Of a genre the verdict decides before: of what is unsure or not music none is written. Of voices and eras that
are certain, nine of ten names that are as probable are right; at 0.4 there would be hardly any."""
TAGGED_TOGETHER: Final = 200
"""Tracks that are looked up in the catalogue at a time while files are tagged."""

# Files that users bring: tables of labels, of names and of plays, exports and their archives.
LONGEST_LINE: Final = 2**20
"""Characters of a line of text."""
MOST_LINES: Final = 10_000_000
"""Lines of a file of text, blank ones among them."""
MOST_LISTENS: Final = 2_000_000
"""Lines, or listens, of a file of plays."""
LARGEST_UNPACKED_PLAYS: Final = 2 * 2**30
"""Bytes of the listens in an archive, once unpacked; counted while they are."""
LARGEST_JSON: Final = 128 * 2**20
"""Bytes of a file that is one document of JSON, which is read whole."""
LARGEST_DIRECTORY: Final = 16 * 2**20
"""Bytes of the list of what is in an archive."""
MOST_MEMBERS: Final = 10_000
"""Files of listens in an archive."""

# What a listing shows of a track.
SHOWN_GENRES: Final = 3
SHOWN_TAGS: Final = 5

# Why a song is in a list.
SHARED_GENRE: Final = 0.2
"""Two songs share a node of the hierarchy that is this probable of both."""
DIFFERENT_TAG: Final = 0.15
"""A tag is named as a difference from so much more of its probability on."""
SHOWN_PART: Final = 0.005
"""A part of a score that is smaller is not put into words."""
EXPLAINED_BANDS: Final = 12
"""Neighbouring mel bands that are silenced together."""
EXPLAINED_PATCHES: Final = 6
"""Patches of each passage, evenly spread, whose bands are silenced."""
PICTURE_COLUMNS: Final = 200
"""Columns of a log-mel in the picture of a match."""

# The service.
HOST: Final = "127.0.0.1"
PORT: Final = 8450
LOOK_FOR_INDEX_S: Final = 2.0
"""How often the service looks whether the catalogue has changed."""
CORES: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
WORKERS: Final = min(8, CORES)
"""Processes of the service that answer: one a processor that this one may use, but no more than eight."""
STOP_S: Final = 8
"""Requests under way have so long when the service is stopped; containers are killed after ten seconds."""
PAGE_SIZE: Final = 50
LARGEST_PAGE: Final = 500
LONGEST_HEADER: Final = 2**16
"""Bytes of a request line and its headers."""
LONGEST_TEXT: Final = 500
"""Characters of a search, or of a name."""
MOST_NAMES: Final = 50
"""Of songs, genres or tags in one request."""
READ_BYTES: Final = 2**18
"""Of a file that is streamed, at a time."""
WRONG_LOGINS: Final = 10
WRONG_LOGINS_S: Final = 60.0
"""After so many wrong logins of one address, or to one user, within these seconds others are answered 429."""
WRONG_ADDRESSES: Final = 4096
"""So many addresses, and users, are remembered, those that came last."""
COUNTS_S: Final = 60.0
"""How long the counts of genres may be old."""
LARGEST_BODY: Final = 2**20
"""Bytes of a request that is no upload."""
BODY_S: Final = 60.0
"""A request that is no upload takes no longer to be received."""
MOST_FIELDS: Final = 25_000
"""Fields of a form, or of an address: a playlist may have 10,000 songs, each put in or taken out."""
SHOWN_ERRORS: Final = 20
"""Of what is wrong with a request, so much is named."""
MOST_CONNECTIONS: Final = 512
"""At once; fewer where fewer files may be open."""
PROXIES: Final = ("127.0.0.1", "::1")
"""Proxies that are trusted: on this machine, who could ask by any address and name anyway."""
RESERVED_FILES: Final = 64
"""Descriptors that connections leave to the catalogue, the index, and the processes that decode."""
FEWEST_CONNECTIONS: Final = 8
"""Where the system allows no more than these, the service does not start."""
REQUEST_S: Final = 15.0
"""A connection is closed if it has sent no whole request head for so long, be it new or kept alive."""
STALLED_READER_S: Final = 120.0
"""And if its client has taken no byte of an answer for so long."""
READ_AT_ONCE: Final = 2**15
"""Bytes that are taken from a connection at a time: others wait while they are made sense of."""
LONGEST_PLAYLIST: Final = 10_000
LONGEST_SHORTLIST: Final = 1000
LONGEST_NOTE: Final = 5000
"""Characters of what is noted of a song."""
EXCERPT_S: Final = 30.0
EXCERPT_BIT_RATE: Final = 256_000
"""Of excerpts as MP3, in bits a second."""
LONGEST_NAME_BYTES: Final = 150
"""Of the name of a file that is made for people, without its ending."""
THREADS: Final = 100
"""For requests: those that wait for their turn have one each, and must leave some to others."""
WRITERS: Final = 4
"""Requests that write, or wait for a lock of the catalogue, at once; each keeps a connection to it."""
WRITE_WAIT_S: Final = 5.0
"""Others wait no longer for that."""
READERS: Final = 16
"""Threads that read files that are streamed."""
MOST_RANGES: Final = 16
"""A request for more ranges of a file's bytes is answered with the whole file."""

# Uploads to the service.
MAX_UPLOAD_MB: Final = 200
MOST_UPLOADS: Final = 4
"""Uploads that are received, or wait for their turn, at once."""
UPLOAD_IDLE_S: Final = 20.0
"""An upload of which nothing comes for so long is given up."""
UPLOAD_S: Final = 300.0
"""An upload takes no longer to be received."""
ANALYSIS_S: Final = 120.0
"""An upload takes no longer to be analysed; others wait no longer for their turn."""
ANALYSIS_CPU_S: Final = 240
"""Nor more seconds of all processors together."""
ANALYSIS_MEMORY: Final = 2 * 2**30
"""Bytes of address space that an upload may need beside the network."""
ANALYSIS_FILES: Final = 50
"""A process that analyses uploads is replaced after so many."""
DECODER_IDLE_S: Final = 300.0
"""And ends where there has been nothing to do for so long."""
COVER_S: Final = 10.0
"""A song's cover is looked for no longer."""
COVER_CPU_S: Final = 10
COVER_MEMORY: Final = 2**29
"""Bytes of address space for that."""
MOST_PIXELS: Final = 40 * 10**6
"""Of a cover; one with more is none."""
LARGEST_SIDE: Final = 2048
"""Pixels of a cover that is made smaller."""
LARGEST_COVER: Final = 8 * 2**20
"""Bytes of a cover as it leaves; a larger one is made smaller."""
FAILED_COVERS: Final = 1024
"""So many songs are remembered that it was not looked to the end for a cover of."""
PICTURES_BYTES: Final = 256 * 2**20
"""Of what is kept of how songs look."""
WIDEST: Final = 4096
HIGHEST: Final = 512
MOST_POINTS: Final = 4096
LISTENERS: Final = 8
"""Songs that are decoded for players at once."""
MOST_TRANSCODED: Final = 8
"""Songs that are encoded anew for players at once."""
TRANSCODED_BYTES: Final = 2**30
"""Of what is kept of songs that were encoded anew."""
COVERS_BYTES: Final = 256 * 2**20
"""Of what is kept of covers that were made smaller."""
