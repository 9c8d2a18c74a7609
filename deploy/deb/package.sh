#!/bin/sh
# Makes a Debian package of an installed deepcuts:
#   deploy/deb/package.sh PREFIX FOLDER
# PREFIX is a virtual environment that was made at /opt/deepcuts (elsewhere it would not run); the package is written into FOLDER.
# With MOVE=yes the environment is moved into the package, not copied: there are many thousand files.
set -eu
prefix=$1 out=$2
here=$(dirname "$(readlink -f "$0")")
deploy=$(dirname "$here")
version=$(sed -n 's/^\.TH DEEPCUTS 1 "" "deepcuts \(.*\)" .*/\1/p' "$prefix/share/man/man1/deepcuts.1")
minor=$("$prefix/bin/python" -c 'import sys; print(sys.version_info.minor)')
arch=$(dpkg --print-architecture)
stage=$(mktemp -d -p "$(dirname "$prefix")")
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
umask 022
chmod 755 "$stage"

mkdir -p "$stage/DEBIAN" "$stage/opt" "$stage/usr/bin" "$stage/usr/lib/systemd/system" "$stage/usr/share/doc/deepcuts" \
    "$stage/usr/share/lintian/overrides" "$stage/usr/share/man/man1"
ln -s /opt/deepcuts/bin/deepcuts "$stage/usr/bin/deepcuts"
install -m 644 "$deploy"/deepcuts*.service "$deploy"/deepcuts*.timer "$stage/usr/lib/systemd/system"
install -D -m 644 "$prefix/share/bash-completion/completions/deepcuts" "$stage/usr/share/bash-completion/completions/deepcuts"
install -D -m 644 "$prefix/share/zsh/site-functions/_deepcuts" "$stage/usr/share/zsh/vendor-completions/_deepcuts"
install -D -m 644 "$prefix/share/fish/vendor_completions.d/deepcuts.fish" "$stage/usr/share/fish/vendor_completions.d/deepcuts.fish"
gzip -9 -n < "$prefix/share/man/man1/deepcuts.1" > "$stage/usr/share/man/man1/deepcuts.1.gz"
gzip -9 -n < "$deploy/../CHANGELOG.md" > "$stage/usr/share/doc/deepcuts/CHANGELOG.md.gz"
printf 'deepcuts (%s) unstable; urgency=medium\n\n  * What is new: CHANGELOG.md.gz.\n\n -- %s  %s\n' "$version" \
    "$(sed -n 's/^Maintainer: //p' "$here/control")" "$(LC_ALL=C date -u -R ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"})" \
    | gzip -9 -n > "$stage/usr/share/doc/deepcuts/changelog.gz"
install -m 644 "$deploy"/nginx*.conf "$stage/usr/share/doc/deepcuts"
{
    printf 'deepcuts\n\n'
    cat "$deploy/../LICENSE"
    printf '\n\n'
    cat "$deploy/../NOTICE"
    printf '\n\nclassifier/shipped/NOTICE:\n\n'
    cat "$deploy/../classifier/shipped/NOTICE"
    printf '\n\nThe libraries in /opt/deepcuts come with their licences, in the *.dist-info folders there.\n'
} > "$stage/usr/share/doc/deepcuts/copyright"
install -m 644 "$here/lintian-overrides" "$stage/usr/share/lintian/overrides/deepcuts"
if [ -n "${MOVE:-}" ]; then mv "$prefix" "$stage/opt/deepcuts"; else cp -a "$prefix" "$stage/opt/deepcuts"; fi
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@MINOR@/$minor/" -e "s/@NEXT@/$((minor + 1))/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$stage" | cut -f 1)/" "$here/control" > "$stage/DEBIAN/control"
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$stage/DEBIAN"
mkdir -p "$out"
dpkg-deb --root-owner-group -Zzstd -z"${LEVEL:-6}" --build "$stage" "$out/deepcuts_${version}_$arch.deb"
