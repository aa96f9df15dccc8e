#!/bin/sh
# Messages, programs and small files. Sourced by stiefel-attach, stiefel-check and the script of systemd-shutdown. Reads
# $root and PATH.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

say() {
    printf 'stiefelsystem: %s\n' "$*" >&2
}

hint() {
    printf '    hint: %s\n' "$*" >&2
}

# complain MESSAGE [HINT...]: a failure, and what to check
complain() {
    say "$1"
    shift
    for text in "$@"; do
        hint "$text"
    done
}

# find_program NAME: sets $file to the file of a program. By its name alone, some busybox' shells run their own program
# (that of Debian's busybox-static), and so do their timeout and the like; busybox' ip and its clients of network disks
# lack most of what is needed.
find_program() {
    rest=$PATH:
    while [ -n "$rest" ]; do
        file=${rest%%:*}/$1
        rest=${rest#*:}
        [ ! -x "$file" ] || return 0
    done
    complain "There is no \"$1\" in this initramfs" "is it installed on the laptop? rebuild the laptop's initramfs (setup-server)"
    return 1
}

# put PATH: standard input becomes a small file of ROOT, its directory included
put() {
    [ -d "$root${1%/*}" ] || mkdir -p "$root${1%/*}" || return 1
    while IFS= read -r line; do printf '%s\n' "$line"; done >"$root$1"
}

# set_kernel VALUE PATH...: for settings that may be absent (IPv6 off, another kernel)
set_kernel() {
    value=$1
    shift
    for setting in "$@"; do
        [ -w "$root/proc/sys/$setting" ] && echo "$value" >"$root/proc/sys/$setting"
    done
    return 0
}
