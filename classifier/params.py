"""Defaults of the classifier package, each stated here and nowhere else.

What a trained model depends on (sampling rate, mel bands, reference level, …) is only a default
here: the value in force is the one written in the model's bundle.
"""

from typing import Final

# Segments: how a track is cut (see segments.py).
SEGMENT_S: Final = 30.0
MIN_LAST_SEGMENT_S: Final = 5.0
MIN_TRACK_S: Final = 3.0
SILENCE_DBFS: Final = -60.0

# Front end of MSD_musicnn (see frontend.py).
RATE_HZ: Final = 16_000
N_FFT: Final = 512
HOP_LENGTH: Final = 256
N_MELS: Final = 96
LOG_SCALE: Final = 10_000.0
PATCH_FRAMES: Final = 187
MIN_REST_S: Final = 1.5

# MFCCs, and the decibels that the study's pictures show (see frontend.py).
N_MFCC: Final = 40
PICTURE_LIMITS_DB: Final = (-20.0, 80.0)

# Every segment is scaled to this root-mean-square level before its log-mel.
REFERENCE_RMS: Final = 0.2

EMBEDDING_SIZE: Final = 200
N_TAGS: Final = 50

# Decoding: seconds of audio read at a time, which in stereo the processor's cache holds, and how much
# shorter than declared is "cut short".
BLOCK_S: Final = 1.0
CUT_SHORT_S: Final = 1.0
CUT_SHORT_SHARE: Final = 0.01
PASSAGE_BLOCKS: Final = 8
"""Of so many blocks, one says how much louder all channels are than the one that is analysed."""
CANCELLED: Final = 0.3
"""Where the average of two channels has half this share of their energy, or less, it is not taken; of more
channels, which lose more of it where they have nothing in common, the share is as much smaller."""
OFFSET_SHARE: Final = 0.35
"""Of a segment's energy, so much must be of its mean for that to be taken out whatever it is. Some electronic
music has up to 0.29, in slow movements, and keeps it: its vectors must stay what they are."""
CONSTANT_OFFSET_SHARE: Final = 0.02
CONSTANT_OFFSET_SPREAD: Final = 0.1
"""A mean that all seconds have, within this share of it, is a constant, and is taken out where it has
so much of the energy. Of 208 segments of music the constants have up to 0.016; others spread by 0.28."""
OFFSET_FADE_S: Final = 0.05
UNDER_SEGMENT_DB: Final = 20.0
"""A patch that is silent is so much under its segment's level at least."""
ABSURD: Final = 10.0
"""Times full scale: no recording has such samples."""
ABSURD_SHARE: Final = 0.05
"""But where so many of a second's are, they are meant: numbers of 16 bits, say, written as floats."""
ABSURD_AT_ALL: Final = 1e10

LARGEST_HALF: Final = 6e4
"""Patch embeddings are stored in 16 bits, which hold no larger values."""

RUN_PATCHES: Final = 2
"""Patches that the network reads at a time: what it works on stays within the processor's cache (5 cost 9 %
more time and 10 cost 16 %)."""

# Training of a head on stored features (see heads.py, training.py).
HEAD_PENALTY: Final = 30.0
MIN_STD: Final = 1e-3
DEFAULT_FOLDS: Final = 5
SEED: Final = 0
"""Seed of every random choice unless the caller gives one."""

# Networks trained on features of audio (see recipes.py, network.py). The first block is the study's.
STUDY_RATE_HZ: Final = 22_050
STUDY_N_FFT: Final = 2048
STUDY_HOP_LENGTH: Final = 512
STUDY_N_MELS: Final = 128
STUDY_FRAMES: Final = 1290
STUDY_IMAGE: Final = (250, 420)
NETWORK_EPOCHS: Final = 40
NETWORK_BATCH: Final = 50
MIN_STEPS: Final = 4
"""Steps an epoch at least: batches are smaller where there are too few patches for that."""
NETWORK_LEARNING_RATE: Final = 1e-3
STOP_PATIENCE: Final = 10
PLATEAU_PATIENCE: Final = 5
PLATEAU_FACTOR: Final = 0.1
MIN_LEARNING_RATE: Final = 1e-6
IMAGE_SHIFT: Final = 0.1
IMAGE_ZOOM: Final = 0.1

TUNED_LEARNING_RATE: Final = 1e-4
TUNED_EPOCHS: Final = 30
CNN_MEL_EPOCHS: Final = 60
CNN_MEL_BATCH: Final = 32
CNN_MEL_LEARNING_RATE: Final = 2e-3
WARM_UP_SHARE: Final = 0.1
CNN_MEL_DROPOUT: Final = 0.3
TUNED_DROPOUT: Final = 0.3
PREDICT_BATCH: Final = 16
SAVE_EVERY_S: Final = 20.0
"""Seconds between two states on disk of a fit that can be resumed."""

TIME_SHIFT: Final = 0.5
GAIN_DB: Final = 6.0
TIME_MASK: Final = 0.2
BAND_MASK: Final = 0.2
MIXUP_ALPHA: Final = 0.3
VALIDATION_SHARE: Final = 0.2
"""Share of the songs, whole groups of them, that says when a network's fit stops."""

# Evaluation (see metrics.py): intervals, reliability bins, the least probability that a log is taken of.
CONFIDENCE: Final = 0.95
RELIABILITY_BINS: Final = 10
LOG_LOSS_FLOOR: Final = 1e-7

# The cache of features (see cache.py); the format changes whenever what is stored would.
CACHE_FORMAT: Final = 2
CACHE_BYTES: Final = 8 * 2**30

# Hierarchies (see taxonomy.py): how probable a node must be to be a song's label.
# On GTZAN's training songs, the least at which both halves of a song that are given a fine genre are given
# the same one.
SURE: Final = 0.4

# A segment whose cosine to the rest of its song is this much lower weighs 1/e as much (see songs.py).
REPRESENTATIVE_WIDTH: Final = 0.1

# Heads and their calibration (see heads.py, calibration.py, unknown.py).
HEAD_PENALTIES: Final = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
HEAD_SHRINKAGE: Final = 0.2
HEAD_SHRINKAGES: Final = (0.95, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02)
HEAD_TOLERANCE: Final = 1e-4
HEAD_CHOICE_TOLERANCE: Final = 1e-3
"""While a penalty is being chosen: the same choice in a third of the time."""
HEAD_ITERATIONS: Final = 500
MANY_SONGS: Final = 500
FOLDS_OF_MANY: Final = 3
"""Folds that choose a head's penalty where there are many songs, whose choice is sure enough with fewer."""
LEAST_SPREAD: Final = 0.1
"""Deviations below this share of their median count as this much where distances are measured."""
TEMPERATURES: Final = (1e-3, 1e3)
"""The least and the greatest temperature considered."""
MEANINGLESS_TEMPERATURE: Final = 900.0
"""A search that ends so near the greatest one found none."""
WEAK_PERCENT: Final = 1.0
"""Of the songs held out, so many are less probable than the least confidence."""
FAMILIAR_PERCENTS: Final = (97.5, 99.0)
"""Of the songs held out, at least and at most so many lie within the limit of distance."""
NOT_MUSIC_CAUGHT: Final = 0.9
"""The share of known sounds that are not music that a limit should leave outside."""
NOT_MUSIC_PENALTY: Final = 10.0
NOT_MUSIC_OWN: Final = 0.05
"""A trunk's detector that calls more of a user's own songs no music is not used for their genres."""
FAMILIAR_SHRINKAGES: Final = (0.02, 0.1, 0.4, 0.8)

# Explanations (see explain.py, explain_song.py).
EXPLAIN_TIME_STEPS: Final = 8
EXPLAIN_EDGE: Final = 0.25
"""Width of the edge that uncovers a patch, as a share of the patch."""
EXPLAIN_BAND_STEPS: Final = 8
EXPLAIN_STEP_S: Final = 0.25
EXPLAIN_PASSAGE_S: Final = 5.0
EXPLAIN_PASSAGES: Final = 3
EXPLAIN_FADE_S: Final = 0.01
EXPLAIN_BAND_GROUP: Final = 8
EXPLAIN_COLUMNS: Final = 1600
"""Columns of the log-mel in a picture."""

# What a file may be, and take; docs/RELIABILITY.md lists them. A file beyond one is a failure that names it.
LOWEST_RATE_HZ: Final = 1_000
HIGHEST_RATE_HZ: Final = 3_072_000
MOST_CHANNELS: Final = 64
LONGEST_AUDIO_S: Final = 48 * 3600.0
LARGEST_TAG_BYTES: Final = 64 * 2**20
"""Of one tag of a file, with its pictures."""
LARGEST_UNPACKED_BYTES: Final = 16 * 2**20
"""Of the compressed parts of one tag, once unpacked."""
MOST_TAG_FIELDS: Final = 10_000
DEEPEST_NESTING: Final = 32
"""Of the atoms or frames of a file that lie within each other."""
MOST_PICTURES: Final = 500
"""In one ID3 tag: a reader gives each a name of its own, and tries all those that are taken."""
MOST_TAG_COPIED: Final = 32 * 2**30
"""Bytes of an ID3 tag that a reader copies: after each field what follows it."""
MOST_TAG_READS: Final = 300_000
"""Of the atoms, chunks, blocks and pages of one file, in the search for its tags."""
FILE_CPU_S: Final = 3600
"""Seconds of all processors that one file may take."""
FILE_MEMORY: Final = 2 * 2**30
"""Bytes of address space that one file may need beside the network."""
MOST_BLOCK_SAMPLES: Final = 2**22
"""Of all channels, that are decoded at a time, whatever rate a file claims."""
STALLED_S: Final = 120.0
"""A file of which nothing more is read or decoded for so long is given up."""

# What a bundle may be; docs/RELIABILITY.md lists these, too. `BundleError` names the one that is exceeded.
LARGEST_BUNDLE_FILE: Final = 512 * 2**20
"""Bytes of any of a bundle's files, as it is and unpacked (the study's largest network has 110 MB)."""
LARGEST_BUNDLE: Final = 1024 * 2**20
LARGEST_DESCRIPTION: Final = 16 * 2**20
MOST_ARRAYS: Final = 1_000
MOST_DIMENSIONS: Final = 8
LONGEST_TEXT: Final = 200
"""Characters of a label, or of any other name in a bundle."""
MOST_LABELS: Final = 1_000
MOST_TAGS: Final = 1_000
LARGEST_EMBEDDING: Final = 4_096
LARGEST_WEIGHT: Final = 1e12
LEAST_DISTANCE: Final = 1e-6
HIGHEST_NETWORK_RATE_HZ: Final = 192_000
LONGEST_WINDOW: Final = 65_536
"""Samples that a front end transforms at once."""
LARGEST_PATCH: Final = 2**22
"""Values that a network reads at a time."""
LARGEST_BATCH: Final = 256
"""Patches that a network insists on reading at a time."""
MOST_OVERLAPPING: Final = 16
"""Patches that the same frame may be in."""
LONGEST_PICTURE: Final = 2_048
"""Pixels on a side of the picture that a network resizes its patches to."""
MOST_TRANSFORMED: Final = 2_000_000
"""Values that a front end transforms for a second of audio: frames a second times their length."""
MOST_GRAPH_PARTS: Final = 100_000
SUM_TOLERANCE: Final = 1e-3
"""How far from 1 the sum of a song's probabilities may be."""
TRIAL_CPU_S: Final = 30
TRIAL_S: Final = 120.0
TRIAL_MEMORY: Final = 2 * 2**30
"""What a bundle's network may take while it is tried: seconds of processors, seconds, bytes of memory."""
