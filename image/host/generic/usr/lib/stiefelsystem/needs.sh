#!/bin/sh
# Reads the list "needs" beside this file, which says what an initramfs for desktops needs. Sourced when one is built:
# by the hooks of the generators (sh, and bash with dracut and mkinitcpio) and by stiefel-initramfs. Reads $needs, the
# path of the list, and $module_directory, that of the kernel's modules if it is known. Runs under "set -eu".
# shellcheck disable=SC2154 # $needs

# list_needs KIND FOR...: prints what it names for these purposes, one a line, with MORE behind it
list_needs() {
    kind=$1
    shift
    for purpose in "$@"; do
        while read -r line_purpose line_kind rest; do
            [ "$line_purpose,$line_kind" != "$purpose,$kind" ] || printf '%s\n' "$rest"
        done <"$needs"
    done
}

# list_names KIND FOR...: the same without MORE
list_names() {
    list_needs "$@" | while read -r name _; do
        printf '%s\n' "$name"
    done
}

# list_transports: prints disk/NAME for each
list_transports() {
    last=''
    while read -r line_purpose _; do
        case $line_purpose in
        "$last") ;;
        disk/*)
            last=$line_purpose
            printf '%s\n' "$last"
            ;;
        esac
    done <"$needs"
}

# has_module NAME: whether the kernel has it, as a file or built in (modules.dep and modules.builtin of depmod(8))
has_module() {
    [ -r "${module_directory:-}/modules.dep" ] || return 0
    while read -r file _; do
        file=${file%:}
        case ${file##*/} in
        "$1.ko" | "$1.ko."*) return 0 ;;
        esac
    done <<-END
	$(grep -hE "/$1\.ko" "$module_directory/modules.dep" "$module_directory/modules.builtin" 2>/dev/null)
	END
    return 1
}

# choose_transports HAS_PROGRAM [ARGUMENT...]: prints disk/NAME for each transport whose programs and modules are all
# there; a command with the name of a program behind it says whether one is. Where no transport is usable, it says what
# is missing.
choose_transports() {
    missing='' chosen=''
    for transport in $(list_transports); do
        lacks=''
        for program in $(list_names program "$transport"); do
            "$@" "$program" >/dev/null || lacks="${lacks:+$lacks, }\"$program\""
        done
        for module in $(list_names module "$transport"); do
            has_module "$module" || lacks="${lacks:+$lacks, }the kernel's module \"$module\""
        done
        if [ -n "$lacks" ]; then
            case "$missing" in
            *"$lacks"*) ;;
            *) missing="${missing:+$missing, or for another transport }$lacks" ;;
            esac
        else
            chosen=yes
            printf '%s\n' "$transport"
        fi
    done
    [ -z "$chosen" ] || return 0
    say_lacking "$missing"
    return 1
}

# choose_tunnel: prints "tunnel" where the modules for it are all there; desktops can do without it
choose_tunnel() {
    for module in $(list_names module tunnel); do
        has_module "$module" || return 0
    done
    echo tunnel
}

# say_lacking NAMES
say_lacking() {
    echo "E: stiefelsystem: $1 is not installed, and without it a desktop could not attach its disk" >&2
}
