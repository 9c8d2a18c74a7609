#!/usr/bin/env python3
"""Rebuild the demo catalogue, and its attribution, from Debian packages.

Needs ``apt-get`` with Debian bookworm's ``main``, ``dpkg-deb``, ``tar``, ``ffmpeg`` and ``oggenc``
(of ``vorbis-tools``); it installs nothing. About 1.5 GB of packages are downloaded into the cache
folder, once::

    apt-get update
    python3 demo/make_catalog.py --cache /var/tmp/deepcuts-demo
    python3 demo/make_catalog.py --attribution-only

``manifest.csv`` drives it: a row is one excerpt. ``path`` is where the recording lies in its
package; two paths joined by ``|`` are stems of one recording and are mixed. The recordings are not
under the project's licence: ATTRIBUTION.md, written from the manifest, says what each is under.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import unicodedata
from dataclasses import dataclass, fields
from pathlib import Path

HERE = Path(__file__).resolve().parent
FADE_S = 0.3

# Gain of each of two stems that are mixed, so that the sum does not clip.
STEM_GAIN = 0.5

# Peaks that a hot master and the mix to mono leave above this are limited.
PEAK = 0.85

# Mono at about 40 kbit/s: thirty excerpts of a minute have to fit in the repository.
CODECS = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "40k", "-ar", "32000", "-id3v2_version", "4"),
    "opus": ("-c:a", "libopus", "-b:a", "36k", "-ar", "48000"),
    "m4a": ("-c:a", "aac", "-b:a", "40k", "-ar", "32000", "-movflags", "+faststart"),
}

# Ogg Vorbis goes through oggenc: ffmpeg warns of time stamps when it reads back its own.
RAW = ("-c:a", "pcm_s16le", "-ar", "32000", "-f", "s16le")
OGGENC = ("oggenc", "-Q", "-q", "0", "-s", "1", "-r", "-B", "16", "-C", "1", "-R", "32000")

LICENCES = {
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/legalcode",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/legalcode",
}

INTRODUCTION = """\
# Attribution of the demo recordings

The audio files in `demo/catalog/` and `demo/outside/` are excerpts of other people's recordings.
**They are not under this project's MIT licence**: each stays under the licence in its row, which
is the one stated in the copyright file of the Debian package that it was taken from. Keep this
file with them. Nothing here suggests that an author endorses this project.

* An excerpt of a CC BY-SA recording is an adaptation and stays under that same CC BY-SA licence.
* An excerpt of a CC BY recording is offered under that same CC BY licence, with the credit below.
* No recording is under a non-commercial, no-derivatives, sampling or GPL licence.

Every file was changed in the same ways: cut to the span given in its row, faded in and out over
{fade} s, mixed down to mono and re-encoded; a recording that its package ships as two stems had
them mixed first, as its row says. The recordings come as they are, without warranty, as the linked
licences say. `make_catalog.py` rebuilds all of it from `manifest.csv`, from which this file is
written too.

| file | title | author | licence | Debian package and version | path in the package | changes |
| --- | --- | --- | --- | --- | --- | --- |
"""

NOTICES = """
## Notes

* `blobwars-data`: the tags inside DJ Sjors's files say CC BY 3.0, the package's copyright file says
  CC BY-SA 3.0. The stricter of the two is followed here.
* `freedink-data`: the copyright file refers to `README-REPLACEMENTS.txt` beside it, which names
  the artist and the licence of the recording.
* `freecol`: the copyright file names the two composers of the music; the `README.md` beside the
  recordings says which of them wrote which.
* `megaglest-data`: the copyright file puts all files under CC BY-SA 3.0 and credits the musicians
  by name; the credits in the author column are from there.
* `unknown-horizons`: the copyright file puts all of `content/` under CC BY-SA 3.0 and names the
  team; the musicians' names are from the tags inside the files. The recording of Grieg's "Morning"
  comes from the Musopen Kickstarter project.
* `singularity-music`: the copyright file gives the licence's text without its version; the tags
  inside the files give version 3.0 and its address.
* `supertuxkart-data`: titles that a file does not carry are from the `.music` file beside it.
* Other titles that a file does not carry itself are taken from its name.
* Muldjord's songs come with this note, which its author asks to be kept with them:

  > This song was composed by El Senator of the danish metal band Muldjord. It is licensed under the
  > Creative Commons Attribute Share-Alike license which can be viewed at
  > http://creativecommons.org/licenses/by-sa/3.0 or in the included license.txt file.
  >
  > Feel free to adapt my work to suit your needs, as long as you give credit to Muldjord as the
  > original author and make sure to include this text file and the license with the redistribution
  > of the work.
  >
  > Thank you, El Senator, www.muldjord.com
"""


@dataclass(frozen=True)
class Row:
    """One excerpt: a row of the manifest, every field as written there."""

    set: str
    style: str
    artist: str
    title: str
    album: str
    format: str
    package: str
    version: str
    path: str
    start_s: str
    seconds: str
    licence: str
    author: str
    note: str

    @property
    def stems(self) -> list[str]:
        """Paths in the package of the recording or of its stems."""
        return self.path.split("|")

    @property
    def target(self) -> Path:
        """Where the excerpt goes, relative to this folder."""
        name = ascii_name(f"{self.artist} - {self.title}") + f".{self.format}"
        return Path("catalog", self.style, name) if self.set == "catalog" else Path("outside", name)


def ascii_name(text: str) -> str:
    """Return the text as a file name that is safe everywhere.

    Parameters
    ----------
    text
        What to name the file, without its ending.

    Returns
    -------
    str
        The name in ASCII, without slashes, quotes or characters that file systems refuse.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join("-" if c in '/\\:*?"<>|' else c for c in plain if c != "'")


def read_manifest(path: Path) -> list[Row]:
    """Read the manifest and check what can be checked without a download.

    Parameters
    ----------
    path
        The manifest.

    Returns
    -------
    list of Row
        Its rows, in order.

    Raises
    ------
    ValueError
        If the columns differ or a row names an unknown licence, format or set.
    """
    with path.open(newline="", encoding="utf-8") as f:
        reader = csv.DictReader(f)
        if reader.fieldnames != [field.name for field in fields(Row)]:
            raise ValueError(f"{path}: the columns are {reader.fieldnames}")
        rows = [Row(**line) for line in reader]
    for row in rows:
        if (
            row.licence not in LICENCES
            or row.format not in (*CODECS, "ogg")
            or row.set not in ("catalog", "outside")
        ):
            raise ValueError(f"{path}: unknown licence, format or set: {row}")
    return rows


def fetch(package: str, version: str, cache: Path) -> Path:
    """Return the package's file, downloading it into the cache if it is not there.

    Parameters
    ----------
    package, version
        What to fetch.
    cache
        Folder of downloaded packages.

    Returns
    -------
    Path
        The ``.deb`` file.

    Raises
    ------
    FileNotFoundError
        If apt downloaded no file.
    """
    found = sorted(cache.glob(f"{package}_*.deb"))
    if not found:
        print(f"downloading {package}", flush=True)
        command = ["apt-get", "download", "-qq", package]
        subprocess.run(command, cwd=cache, check=True)
        found = sorted(cache.glob(f"{package}_*.deb"))
    if not found:
        raise FileNotFoundError(f"{package}: apt downloaded no package file into {cache}")
    command = ["dpkg-deb", "--field", str(found[-1]), "Version"]
    got = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if got != version:
        print(f"warning: {package} is {got}, the manifest says {version}", file=sys.stderr)
    return found[-1]


def unpack(deb: Path, paths: list[str], folder: Path) -> None:
    """Unpack a few files of a package, at their own paths below a folder.

    Parameters
    ----------
    deb
        The package's file.
    paths
        The files wanted, as they lie in the package.
    folder
        Where to unpack to; it must exist.

    Raises
    ------
    subprocess.CalledProcessError
        If the package lacks one of the files.
    """
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as tar:
        command = ["tar", "-x", "-C", str(folder), "--no-wildcards"]
        subprocess.run([*command, *(f"./{p}" for p in paths)], stdin=tar.stdout, check=True)


def encode(row: Row, sources: list[Path], target: Path) -> None:
    """Cut, fade, mix down, tag and encode one excerpt.

    Parameters
    ----------
    row
        The excerpt's row.
    sources
        The recording, or its stems.
    target
        File to write.

    Raises
    ------
    subprocess.CalledProcessError
        If ffmpeg or oggenc fails.
    """
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    for source in sources:
        command += ["-ss", row.start_s, "-t", row.seconds, "-i", str(source)]
    gain = STEM_GAIN if len(sources) > 1 else 1
    # rematrix_maxval keeps the mix to mono an average rather than a louder sum.
    mono = "aresample=ochl=mono:rematrix_maxval=1"
    chain = [f"[{i}:a]{mono},volume={gain}[s{i}]" for i in range(len(sources))]
    mix = "".join(f"[s{i}]" for i in range(len(sources)))
    fade_out = float(row.seconds) - FADE_S
    chain.append(
        f"{mix}amix=inputs={len(sources)}:normalize=0,alimiter=limit={PEAK}:level=false,"
        f"afade=t=in:d={FADE_S},afade=t=out:st={fade_out}:d={FADE_S}[out]"
    )
    tags = {
        "title": row.title,
        "artist": row.artist,
        "album": row.album,
        "genre": row.style,
        "copyright": f"{row.author}. {row.licence}: {LICENCES[row.licence]}",
        "comment": f"Excerpt, re-encoded; from Debian's {row.package}. See ATTRIBUTION.md.",
    }
    # bitexact and no copied metadata: the same programs give the same bytes again.
    command += ["-filter_complex", ";".join(chain), "-map", "[out]", "-map_metadata", "-1"]
    command += ["-fflags", "+bitexact", "-flags:a", "+bitexact"]
    target.parent.mkdir(parents=True, exist_ok=True)
    if row.format == "ogg":
        pcm = subprocess.run([*command, *RAW, "-"], check=True, stdout=subprocess.PIPE).stdout
        comments = [f"--comment={name}={value}" for name, value in tags.items()]
        subprocess.run([*OGGENC, *comments, "-o", str(target), "-"], input=pcm, check=True)
        return
    command += CODECS[row.format]
    for name, value in tags.items():
        command += ["-metadata", f"{name}={value}"]
    subprocess.run([*command, str(target)], check=True)


def attribution(rows: list[Row]) -> str:
    """Write the attribution of every excerpt.

    Parameters
    ----------
    rows
        The manifest.

    Returns
    -------
    str
        Markdown.
    """
    text = INTRODUCTION.format(fade=FADE_S)
    for row in rows:
        end = int(row.start_s) + int(row.seconds)
        changes = f"excerpt from {row.start_s} to {end} s, mono, re-encoded"
        if row.note:
            changes += f"; {row.note}"
        paths = " and ".join(f"`{p}`" for p in row.stems)
        licence = f"[{row.licence}]({LICENCES[row.licence]})"
        source = f"{row.package} {row.version}"
        cells = (f"`{row.target}`", row.title, row.author, licence, source, paths, changes)
        text += "| " + " | ".join(cells) + " |\n"
    return text + NOTICES


def main() -> None:
    """Build the excerpts and the attribution."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--manifest", type=Path, default=HERE / "manifest.csv")
    parser.add_argument("--dest", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--cache", type=Path, help="folder that keeps the downloaded packages")
    parser.add_argument(
        "--attribution-only", action="store_true", help="write ATTRIBUTION.md and download nothing"
    )
    options = parser.parse_args()
    rows = read_manifest(options.manifest)
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary, "packages")).resolve()
        cache.mkdir(parents=True, exist_ok=True)
        for package in [] if options.attribution_only else sorted({r.package for r in rows}):
            mine = [r for r in rows if r.package == package]
            deb = fetch(package, mine[0].version, cache)
            with tempfile.TemporaryDirectory(dir=temporary) as folder:
                unpack(deb, [p for r in mine for p in r.stems], Path(folder))
                for row in mine:
                    sources = [Path(folder, p) for p in row.stems]
                    encode(row, sources, options.dest / row.target)
                    print(row.target, flush=True)
    (options.dest / "ATTRIBUTION.md").write_text(attribution(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
