#!/bin/sh
# Builds the Debian package in a Debian of its own, installs it there, runs it, and takes it away again, as root:
#   deploy/try_deb.sh SUITE ROOT
set -eu
exec "$(dirname "$(readlink -f "$0")")/in_debian.sh" "$1" "$2" sh -euc '
    say() { printf "\n== %s\n" "$*"; }
    as_deepcuts() { runuser -u deepcuts -- env DEEPCUTS_HOME=/var/lib/deepcuts deepcuts "$@"; }

    apt-get update -qq
    if [ ! -e /dist/deepcuts_*.deb ]; then
        say "building"
        /tree/deploy/deb/build.sh /dist
    fi
    ls -l /dist
    say "installing"
    apt-get install -y -qq --no-install-recommends man-db groff-base bash-completion /dist/deepcuts_*.deb > /tmp/apt.log
    dpkg-query -W -f "\${Package} \${Version} \${Architecture} \${Installed-Size} KiB\n" deepcuts
    deepcuts --version
    man -w deepcuts || true
    bash -c ". /usr/share/bash-completion/completions/deepcuts
        COMP_WORDS=(deepcuts similar --rel) COMP_CWORD=2; _deepcuts deepcuts; echo \"\${COMPREPLY[@]}\""
    install -d -m 700 -o deepcuts -g deepcuts /var/lib/deepcuts
    say "the demo, as the user of the units"
    rm -rf /music && cp -r /tree/demo /music && chmod -R a+rX /music
    cd /
    as_deepcuts ingest /music/catalog --labels folders
    as_deepcuts similar "/music/outside/Muldjord - Chaos God.ogg" -n 3
    say "removing, then purging"
    apt-get remove -y -qq deepcuts > /tmp/apt.log
    [ ! -e /opt/deepcuts ] && [ ! -e /usr/bin/deepcuts ] && echo "the program is gone"
    ls -l /var/lib/deepcuts/catalog.sqlite
    apt-get purge -y -qq deepcuts > /tmp/apt.log
    ls -l /var/lib/deepcuts/catalog.sqlite
    dpkg-query -L deepcuts 2>&1 | head -1
'
