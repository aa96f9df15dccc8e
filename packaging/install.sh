#!/bin/sh
# Installs Stiefelsystem from this folder, or removes it:
#     sudo ./install.sh
#     sudo ./install.sh --remove
# With DESTDIR, the files of a package go below that folder; who removes it has a list of its own.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
root=${DESTDIR:-}
list=usr/share/stiefelsystem/files

fail() {
    printf 'Error: %s\n' "$@" >&2
    exit 1
}

# Files that the version before has brought and this one has not, or all; then the folders that are empty.
# $1: the list of files to keep
remove_old() {
    [ -f "$root/$list" ] || return 0
    # In the opposite order: what is in a folder before the folder.
    LC_ALL=C sort -r "$root/$list" | while IFS= read -r path; do
        if grep -qxF -e "$path" "$1"; then continue; fi
        case $path in
        */) rmdir -- "$root/$path" 2>/dev/null || true ;;
        *) rm -f -- "$root/$path" ;;
        esac
    done
}

case ${1-} in
"")
    [ -f "$here/$list" ] || fail "The files to install are not beside this script"
    if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then fail "Only root may install it: sudo $0"; fi
    case $(uname -m) in
    x86_64) ;;
    *) fail "This is for x86-64, and the machine is $(uname -m)" ;;
    esac
    remove_old "$here/$list"
    while IFS= read -r path; do
        case $path in
        "$list") [ -z "$root" ] || continue ;;
        esac
        case $path in
        */) install -d -m 0755 -- "$root/$path" ;;
        *) if [ -x "$here/$path" ]; then mode=0755; else mode=0644; fi
            # A program that runs keeps its file.
            install -D -p -m "$mode" -- "$here/$path" "$root/$path.new"
            mv -f -- "$root/$path.new" "$root/$path" ;;
        esac
    done <"$here/$list"
    ;;
--remove)
    [ -f "$root/$list" ] || fail "It is not installed in \"${root:-/}\""
    if [ -e "$root/var/lib/stiefelsystem/journal.json" ]; then
        echo "This laptop is set up for desktops, and stays so. To take that back: sudo stiefelsystem undo-setup" >&2
        echo "That needs the program: install it again for it, if need be." >&2
    fi
    remove_old /dev/null
    echo "Removed. Your configuration, key and image stay in /etc/stiefelsystem and /var/lib/stiefelsystem." >&2
    ;;
*)
    fail "Wrong usage: [DESTDIR=FOLDER] $0 [--remove]"
    ;;
esac
