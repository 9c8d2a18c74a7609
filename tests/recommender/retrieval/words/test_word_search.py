"""Words to names, and names to scores, both worked out by hand or by loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import FilterError
from recommender.retrieval.words.said_filters import SaidFilters, decade_of
from recommender.retrieval.words.word_search import ParsedWords, WordTerm, parse, scores, strengths

NAMES = (
    "rock",
    "rock/punk",
    "rock/hard",
    "hard rock",
    "female vocalists",
    "female vocalist",
    "vocal",
    "Mellow",
    "Hip-Hop",
    "pop/easy listening",
    "electronic/other",
    "Été",
    "60s",
    "a/b/c",
    "c",
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("mellow", [WordTerm("Mellow")]),
        ("  MELLOW,  rock ", [WordTerm("Mellow"), WordTerm("rock")]),
        ("female vocalists", [WordTerm("female vocalists")]),
        ("Female  Vocalist vocal", [WordTerm("female vocalist"), WordTerm("vocal")]),
        ("hard rock", [WordTerm("hard rock")]),
        ("hard vocal rock", [WordTerm("rock/hard"), WordTerm("vocal"), WordTerm("rock")]),
        ("hard, rock", [WordTerm("rock/hard"), WordTerm("rock")]),
        ("hard -rock", [WordTerm("rock/hard"), WordTerm("rock", False)]),
        ("-hard rock", [WordTerm("hard rock", False)]),
        ("-hard, rock", [WordTerm("rock/hard", False), WordTerm("rock")]),
        ("punk", [WordTerm("rock/punk")]),
        ("rock/punk", [WordTerm("rock/punk")]),
        ("ROCK/hard", [WordTerm("rock/hard")]),
        ("easy listening 60s", [WordTerm("pop/easy listening"), WordTerm("60s")]),
        ("hip-hop", [WordTerm("Hip-Hop")]),
        ("hip hop", [WordTerm("Hip-Hop")]),
        ("hip_hop", [WordTerm("Hip-Hop")]),
        ("ete", [WordTerm("Été")]),
        ("c", [WordTerm("c")]),
        ("rock -female vocalists", [WordTerm("rock"), WordTerm("female vocalists", False)]),
        ("-female vocalists rock", [WordTerm("female vocalists", False), WordTerm("rock")]),
        ("-hip-hop", [WordTerm("Hip-Hop", False)]),
        ("--rock vocal", [WordTerm("rock", False), WordTerm("vocal")]),
        ("mellow,-rock", [WordTerm("Mellow"), WordTerm("rock", False)]),
        # What people say.
        ("female vocals", [WordTerm("female vocalists")]),
        ("calm -rap", [WordTerm("Mellow"), WordTerm("Hip-Hop", False)]),
        ("slow female hard rock", [WordTerm("Mellow"), WordTerm("female vocalists"), WordTerm("hard rock")]),
        ("hiphop hardrock", [WordTerm("Hip-Hop"), WordTerm("hard rock")]),
        ("me llow", [WordTerm("Mellow")]),
        ("vocals", [WordTerm("vocal")]),
        ("vocalists", [WordTerm("female vocalists")]),
        ("listen", [WordTerm("pop/easy listening")]),
        ("-1960s", [WordTerm("60s", False)]),
        # What is not wanted, in words: of the next name alone.
        ("rock not mellow", [WordTerm("rock"), WordTerm("Mellow", False)]),
        ("rock but not very mellow 60s", [WordTerm("rock"), WordTerm("Mellow", False), WordTerm("60s")]),
        ("no hard rock, mellow", [WordTerm("hard rock", False), WordTerm("Mellow")]),
        ("without female vocalists", [WordTerm("female vocalists", False)]),
        ("not -rock mellow", [WordTerm("rock", False), WordTerm("Mellow")]),
        ("rap and mellow and hip hop", [WordTerm("Hip-Hop"), WordTerm("Mellow")]),
    ],
)
def test_words_are_read_as_names_the_longest_first(text: str, terms: list[WordTerm]) -> None:
    assert parse(text, NAMES) == parse(text, reversed(NAMES)) == ParsedWords(tuple(terms), SaidFilters(), ())


ALONE = ("rock", "female vocalists", "Mellow", "Hip-Hop", "rock/punk", "60s", "Été")
"""Names no two of which make a third."""


@given(st.lists(st.tuples(st.sampled_from(ALONE), st.booleans()), min_size=1, max_size=6))
def test_what_is_written_is_read(asked: list[tuple[str, bool]]) -> None:
    text = " ".join(name.upper() if wanted else f"-{name}" for name, wanted in asked)
    assert parse(text, NAMES).terms == tuple(dict.fromkeys(WordTerm(name, wanted) for name, wanted in asked))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("melow", "'melow' is no tag, genre or label; did you mean Mellow?"),
        ("noise", "'noise' is no tag, genre or label; there are 10, such as: 60s, c, female vocalist, "),
        ("upbeat", "'upbeat' is no tag, genre or label; there are"),  # none of what it means is known
        ("lis", "'lis' is no tag, genre or label"),
        ("melow noise", "'melow' is no tag, genre or label; did you mean Mellow?; 'noise' is no tag"),
        ("the music", "nothing to find; name tags or genres"),
        ("", "nothing to find; name tags or genres"),
        (" , ", "nothing to find; name tags or genres"),
    ],
)
def test_an_unknown_word_is_one_line_with_a_suggestion(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, NAMES)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "terms", "unknown"),
    [
        ("rock -melow", ["rock"], ["'melow' is no tag, genre or label; did you mean Mellow?"]),
        ("punc rock punc", ["rock"], ["'punc' is no tag, genre or label; did you mean rock/punk?"]),
        ("music in rock for the noise", ["rock"], ["'noise' is no tag, genre or label; there are 10"]),
        ("rock -", ["rock"], []),
        ("rock -1990s", ["rock"], ["'1990s' is no tag"]),
        ("rock vocals", ["rock", "vocal"], []),
        ("rock not noise mellow", ["rock", "Mellow"], ["'noise' is no tag, genre or label; there are 10"]),
        ("rock not", ["rock"], ["'not' is no tag, genre or label"]),
        ("rock or mellow", ["rock", "Mellow"], ["'or' is not understood: all words count together"]),
        ("rock, something like mellow", ["rock", "Mellow"], []),
        ("fast rock", ["rock"], ["'fast' is no tag, genre or label; say a tempo, such as 140 bpm"]),
    ],
)
def test_what_cannot_be_searched_is_told_once_and_the_rest_is_searched(
    text: str, terms: list[str], unknown: list[str]
) -> None:
    found = parse(text, NAMES)
    assert [term.name for term in found.terms] == terms
    assert len(found.unknown) == len(unknown)
    for line, begins in zip(found.unknown, unknown, strict=True):
        assert line.startswith(begins)
        assert "\n" not in line


WITHOUT_VOICE = tuple(name for name in NAMES if name != "vocal")


@pytest.mark.parametrize(
    ("text", "terms", "said"),
    [
        ("120 bpm", [], SaidFilters(tempo_bpm=(120, 120))),
        ("mellow 120bpm", ["Mellow"], SaidFilters(tempo_bpm=(120, 120))),
        ("rock 90-110 BPM", ["rock"], SaidFilters(tempo_bpm=(90, 110))),
        ("rock around 128.5 bpm, mellow", ["rock", "Mellow"], SaidFilters(tempo_bpm=(128.5, 128.5))),
        ("hard 120 bpm rock", ["rock/hard", "rock"], SaidFilters(tempo_bpm=(120, 120))),
        ("mellow in A minor", ["Mellow"], SaidFilters(keys=("A minor",))),
        ("Bb major", [], SaidFilters(keys=("A# major",))),
        ("f sharp minor rock", ["rock"], SaidFilters(keys=("F# minor",))),
        ("rock in Am", ["rock"], SaidFilters(keys=("A minor",))),
        ("rock in F#", ["rock"], SaidFilters(keys=("F# major",))),
        ("key of D minor or in G major", [], None),
        ("rock 1994", ["rock"], SaidFilters(years=(1994, 1994))),
        ("rock 1990-1995 120 bpm", ["rock"], SaidFilters(tempo_bpm=(120, 120), years=(1990, 1995))),
        ("rock 1990s", ["rock"], SaidFilters(years=(1990, 1999))),
        ("rock 80s 90s", ["rock"], SaidFilters(years=(1980, 1999))),
        ("1960s rock", ["60s", "rock"], SaidFilters()),
        ("never played rock", ["rock"], SaidFilters(unplayed=True)),
        ("unplayed", [], SaidFilters(unplayed=True)),
        ("rock with vocals", ["rock"], SaidFilters(voice="sung")),
        ("rock -vocals", ["rock"], SaidFilters(voice="instrumental")),
        ("female vocals", ["female vocalists"], SaidFilters()),
        ("rock c", ["rock", "c"], SaidFilters()),
        ("mellow a minor annoyance", ["Mellow"], SaidFilters(keys=("A minor",))),
        ("rock in F sharp", ["rock"], SaidFilters(keys=("F# major",))),
        ("rock in e flat", ["rock"], SaidFilters(keys=("D# major",))),
        ("rock in B-flat minor", ["rock"], SaidFilters(keys=("A# minor",))),
        ("rock in c#m", ["rock"], SaidFilters(keys=("C# minor",))),
        ("over 120 bpm", [], SaidFilters(tempo_bpm=(120, None))),
        ("rock 120+ bpm", ["rock"], SaidFilters(tempo_bpm=(120, None))),
        ("rock at least 99.5 bpm", ["rock"], SaidFilters(tempo_bpm=(99.5, None))),
        ("100 bpm or faster rock", ["rock"], SaidFilters(tempo_bpm=(100, None))),
        ("rock, slower than 80 bpm", ["rock"], SaidFilters(tempo_bpm=(None, 80))),
        ("80 bpm or less", [], SaidFilters(tempo_bpm=(None, 80))),
        ("between 110 and 90 bpm", [], SaidFilters(tempo_bpm=(90, 110))),
        ("from 90 to 110 bpm", [], SaidFilters(tempo_bpm=(90, 110))),
        ("under 3 minutes", [], SaidFilters(minutes=(None, 3))),
        ("rock longer than 4.5 min", ["rock"], SaidFilters(minutes=(4.5, None))),
        ("rock 2-3 minutes", ["rock"], SaidFilters(minutes=(2, 3))),
        ("rock 3 minutes long", ["rock"], SaidFilters(minutes=(2.5, 3.5))),
        ("rock before 1980", ["rock"], SaidFilters(years=(None, 1979))),
        ("rock after 1990", ["rock"], SaidFilters(years=(1991, None))),
        ("rock since 1990", ["rock"], SaidFilters(years=(1990, None))),
        ("rock until 1990", ["rock"], SaidFilters(years=(None, 1990))),
        ("rock between 1995 and 1990", ["rock"], SaidFilters(years=(1990, 1995))),
        ("rock after 1985 90s", ["rock"], SaidFilters(years=(1986, None))),
        ("loud rock", ["rock"], SaidFilters(energy=(0.65, None))),
        ("low energy rock", ["rock"], SaidFilters(energy=(None, 0.35))),
        ("rock without vocals", ["rock"], SaidFilters(voice="instrumental")),
        ("rock non vocal", ["rock"], SaidFilters(voice="instrumental")),
    ],
)
def test_tempo_key_years_and_voices_are_filters(
    text: str, terms: list[str], said: SaidFilters | None
) -> None:
    found = parse(text, WITHOUT_VOICE, voices=True)
    assert [term.name for term in found.terms] == terms
    if said is None:
        assert found.said.keys == ("D minor", "G major")
    else:
        assert found.said == said


def test_without_voices_in_the_model_the_word_is_not_known() -> None:
    assert parse("rock and singing", WITHOUT_VOICE).unknown[0].startswith("'singing' is no tag")


@pytest.mark.parametrize(
    ("word", "years"),
    [("90s", (1990, 1999)), ("2010s", (2010, 2019)), ("20s", (2020, 2029)), ("1995s", None), ("90", None)],
)
def test_decades(word: str, years: tuple[int, int] | None) -> None:
    assert decade_of(word) == years


def test_filters_are_shown_as_they_were_said() -> None:
    said = SaidFilters((90, 110), ("A minor",), (1994, 1994), unplayed=True, voice="sung")
    assert said.words() == ["90-110 bpm", "A minor", "1994", "sung", "never played"]
    assert SaidFilters(tempo_bpm=(120, 120)).words() == ["120 bpm"]
    said = SaidFilters((None, 80), years=(1990, None), minutes=(2.5, 3.5), energy=(0.65, None))
    assert said.words() == ["80 bpm or less", "1990 or later", "2.5-3.5 min", "energy 0.65 or more"]


def test_strengths_worked_out_by_hand() -> None:
    """The mean is 0.2: as usual is 0.5, four times as much 0.8; a name that is nowhere has the least mean."""
    found = strengths(np.array([0.2, 0.0, 0.05, 0.55], np.float32))
    np.testing.assert_allclose(found, [0.5, 0.0, 0.2, 0.55 / 0.75], rtol=1e-6)
    assert strengths(np.zeros(3, np.float32)).tolist() == [0, 0, 0]
    # 0.0004 on average, taken as 0.001, so that next to nothing is not made much of.
    assert strengths(np.array([0.0012, 0, 0], np.float32))[0] == pytest.approx(0.0012 / 0.0022)
    assert strengths(np.zeros(0, np.float32)).shape == (0,)


def test_scores_are_geometric_means() -> None:
    known = {
        "jazz": np.array([0.6, 0.2, 0.1, 0.0], np.float32),
        "sad": np.array([0.1, 0.1, 0.1, 0.1], np.float32),
        "rock": np.array([0.0, 0.3, 0.9, 0.0], np.float32),
    }
    jazz, rock = np.array([0.6, 0.2, 0.1, 0.0]) / [0.825, 0.425, 0.325, 0.225], [0, 0.5, 0.75, 0]
    np.testing.assert_allclose(scores([WordTerm("jazz")], known), jazz, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(
        scores([WordTerm("jazz"), WordTerm("sad")], known), np.sqrt(jazz / 2), 1e-5, 5e-5
    )
    np.testing.assert_allclose(scores([WordTerm("rock", False)], known), [1, 0.5, 0.25, 1], rtol=1e-5)
    three = scores([WordTerm("jazz"), WordTerm("sad"), WordTerm("rock", False)], known)
    by_hand = [math.cbrt(j * 0.5 * (1 - r)) for j, r in zip(jazz, rock, strict=True)]
    np.testing.assert_allclose(three[:3], by_hand[:3], rtol=1e-5)
    assert three[3] < 1e-2  # none of the jazz that is asked for


@given(st.integers(0, 1 << 16), st.integers(1, 10), st.lists(st.booleans(), min_size=1, max_size=4))
def test_scores_equal_a_loop_and_are_within_0_and_1(seed: int, tracks: int, signs: list[bool]) -> None:
    random = np.random.default_rng(seed)
    known = {str(i): random.uniform(0.01, 1, tracks).astype(np.float32) for i in range(len(signs))}
    found = scores([WordTerm(str(i), wanted) for i, wanted in enumerate(signs)], known)
    for track in range(tracks):
        product = 1.0
        for i, wanted in enumerate(signs):
            p, usual = float(known[str(i)][track]), sum(map(float, known[str(i)])) / tracks
            product *= p / (p + usual) if wanted else usual / (p + usual)
        assert found[track] == pytest.approx(product ** (1 / len(signs)), rel=1e-4)
        assert 0 <= found[track] <= 1
