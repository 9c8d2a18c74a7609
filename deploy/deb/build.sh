#!/bin/sh
# Builds the Debian package on the Debian that it is for, as root (deploy/in_debian.sh has one made):
#   deploy/deb/build.sh FOLDER
# It needs python3-venv. /opt/deepcuts must not be there: the environment is made where it will lie, and taken away afterwards.
set -eu
out=$1
deploy=$(dirname "$(dirname "$(readlink -f "$0")")")
[ ! -e /opt/deepcuts ] || { echo "/opt/deepcuts is there: remove it, or the package deepcuts, first" >&2; exit 1; }
trap 'rm -rf /opt/deepcuts' EXIT
trap 'exit 1' HUP INT TERM  # dash leaves out what stands for EXIT where a signal ends it
python3 -m venv /opt/deepcuts
/opt/deepcuts/bin/pip install --quiet -c "$deploy/../constraints.txt" "$deploy/..[postgres]"
MOVE=yes "$deploy/deb/package.sh" /opt/deepcuts "$out"
