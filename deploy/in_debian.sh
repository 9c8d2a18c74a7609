#!/bin/sh
# Runs a command, as root, in a Debian of its own: in ROOT, which debootstrap makes of SUITE if it is not there yet.
#   deploy/in_debian.sh SUITE ROOT COMMAND [ARGUMENT]...
# The source tree lies in /tree there, as it is here but for what git does not know. Mounts and processes end with the command.
# MIRROR is Debian's mirror, if it is to be another than debootstrap's own.
set -eu
suite=$1 root=$2
shift 2
tree=$(dirname "$(dirname "$(readlink -f "$0")")")

if [ ! -e "$root/etc/debian_version" ]; then
    debootstrap --variant=minbase --include=ca-certificates,python3-venv "$suite" "$root" ${MIRROR:+"$MIRROR"} >&2
fi
# The network as it is here: names, certificates, pip's settings.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then cat "$file" > "$root$file"; fi
done
rm -rf "$root/tree"
mkdir -p "$root/tree"
git -C "$tree" ls-files -z --cached --others --exclude-standard | tar -C "$tree" --null -T - -c | tar -C "$root/tree" -x

exec unshare --mount --pid --fork --kill-child sh -euc '
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "$@"
' sh "$root" "$@"
