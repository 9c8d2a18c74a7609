#!/bin/sh
# Builds both distributions as an installer of PyPI would, checks them, and installs the wheel where no sources are:
#   deploy/try_install.sh DIR [PYTHON]
# DIR must not exist yet; about 3 GB go into it, twice that with pipx.
set -eu
work=$1 python=${2:-python3}
tree=$(dirname "$(dirname "$(readlink -f "$0")")")
mkdir -p "$work/dist" "$work/from-tree"
work=$(readlink -f "$work")

say() { printf '\n== %s\n' "$*"; }

say "building, each in an empty environment"
"$python" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet build twine pipx
"$work/tools/bin/python" -m build --outdir "$work/dist" "$tree" > "$work/build.log"  # the wheel of the sources
"$work/tools/bin/python" -m build --wheel --outdir "$work/from-tree" "$tree" >> "$work/build.log"
"$work/tools/bin/twine" check --strict "$work"/dist/*

say "the wheel of the sources is that of the tree"
"$python" - "$work"/dist/*.whl "$work"/from-tree/*.whl <<'PYTHON'
import sys, zipfile
ours, trees = ({n: z.read(n) for n in z.namelist()} for z in map(zipfile.ZipFile, sys.argv[1:]))
different = sorted(n for n in ours.keys() | trees.keys() if ours.get(n) != trees.get(n))
print(len(ours), "files, different:", different or "none")
sys.exit(bool(different))
PYTHON

say "installed in an empty environment"
"$python" -m venv "$work/empty"
"$work/empty/bin/pip" install --quiet -c "$tree/constraints.txt" "$work"/dist/*.whl
mkdir "$work/elsewhere"
cp -r "$tree/demo/catalog" "$tree/demo/outside" "$work/elsewhere"
cd "$work/elsewhere"
try() {
    "$1" --version
    "$1" --help | head -1
    "$1" --home "$2" ingest catalog --labels folders
    "$1" --home "$2" similar "outside/Muldjord - Chaos God.ogg" -n 3
}
try "$work/empty/bin/deepcuts" "$work/home"
ls "$work"/empty/share/man/man1/deepcuts.1 "$work"/empty/share/*/*/*deepcuts*

if [ -z "${WITHOUT_PIPX:-}" ]; then
    say "pipx"
    export PIPX_HOME="$work/pipx" PIPX_BIN_DIR="$work/bin" PIPX_MAN_DIR="$work/man"
    "$work/tools/bin/pipx" install --quiet --pip-args="-c $tree/constraints.txt" "$work"/dist/*.whl
    try "$work/bin/deepcuts" "$work/pipx-home"
    ls -L "$work/man/man1/deepcuts.1"
fi
say "all of it holds"
