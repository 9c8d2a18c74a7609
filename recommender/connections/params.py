"""Defaults of connections, each stated here and nowhere else."""

from typing import Final

AGENT: Final = "deepcuts"
TIMEOUT_S: Final = 30.0
TRIES: Final = 4
BACKOFF_S: Final = 0.5
"""Before the second try; twice as long before each further one."""
LONGEST_WAIT_S: Final = 60.0
"""Who asks to be left alone for longer is not waited for."""
WHOLE_ANSWER: Final = 4
"""An answer has arrived whole within so many time-outs, however slowly it trickles."""
PAGE: Final = 500
"""Songs that are asked for at a time."""
MOST_SONGS: Final = 1_000_000
"""A server that lists more does not come to an end."""
LARGEST_ANSWER: Final = 64 << 20
FORM: Final = "application/x-www-form-urlencoded"
LOOK_AT_ADDRESS: Final = "is the address right, with the path that the server may be below?"

SAME_LENGTH_S: Final = 3.25
SAME_LENGTH: Final = 0.01
"""Two files of one song differ by this much at most, in seconds or in parts of their length."""
VERY_LENGTH_S: Final = 1.01
"""By no more than this where names say less than they should; many servers tell whole seconds."""
LEAST_CUT: Final = 29
MOST_CUT: Final = 32
"""Characters of a title that old tags cut off (ID3v1: 30)."""
TELLING_NAME: Final = 6
"""Letters of a file name that by itself may tell a song: '01' does not."""
NEARLY: Final = 0.8
"""Two titles are nearly the same, which makes a doubt and no match, if so much of them is."""
COMMANDS_AT_ONCE: Final = 1_000
"""Of a list of commands for MPD, which takes no more than some megabytes."""
LONGEST_BACKOFF_S: Final = 8.0
"""Between two tries to find a player again."""
RADIO_TRIES: Final = 24
"""A radio waits some minutes for a player that is started again."""
IDS_IN_ADDRESS: Final = 100
"""Songs that are named in one address: servers limit its length."""
