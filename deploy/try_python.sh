#!/bin/sh
# Runs tests under another Python, in a virtual environment of its own:
#   deploy/try_python.sh python3.13 DIR [TEST]...
# Without tests named, those that ask most of the interpreter and of what is compiled for it.
set -eu
python=$1 venv=$2
shift 2
cd "$(dirname "$(dirname "$(readlink -f "$0")")")"
[ $# -gt 0 ] || set -- tests/test_layers.py tests/classifier/audio tests/classifier/model tests/classifier/features tests/db \
    tests/cli/test_basics.py tests/cli/test_similar.py tests/cli/test_classify.py tests/cli/test_train.py tests/cli/test_tag_write.py \
    tests/recommender/retrieval tests/recommender/service/subsonic tests/beetsplug tests/deploy
if [ ! -e "$venv/.ready" ]; then
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet -c constraints.txt -e '.[dev]'
    touch "$venv/.ready"
fi
"$venv/bin/python" --version
exec "$venv/bin/python" -m pytest -q -p no:cacheprovider "$@"
