#!/bin/bash
# Sourced by dracut(8) (dracut.modules(7)) where /etc/dracut.conf.d/zzz-stiefelsystem.conf names it: when the laptop's
# own initramfs is built while the system runs on a desktop. Adds the drivers of any machine to a host-only initramfs,
# which otherwise would have those of the desktop, and what /etc/stiefelsystem/laptop says that the laptop used. Where
# there is little space only the latter: dracut copies over the old image, and a disk that gets full would leave the
# laptop without any.
# shellcheck disable=SC2034,SC2154

# As much as the drivers and the microcode of any machine take.
roomy_kib=$((96 * 1024))

check() {
    return 255
}

depends() {
    return 0
}

install() {
    dwarn "stiefelsystem: this system runs on a desktop; the laptop's own initramfs is built to start the laptop all the same"
}

installkernel() {
    local names=()

    list_recorded_modules
    ((${#names[@]} == 0)) || hostonly='' instmods "${names[@]}"
    if is_roomy "${outfile%/*}"; then
        install_generic
        # This module is the last of all but a few: now dracut chooses microcode, by the processor of this machine
        # unless this is empty.
        hostonly=''
    elif ((${#names[@]} == 0)); then
        dfatal "stiefelsystem: not enough space for an initramfs that starts any machine, and it is not known what this laptop needs"
        dfatal "stiefelsystem: the old one stays; build it when the laptop runs by itself again"
        return 1
    fi
}

# install_generic: what dracut itself has for a generic one: disk controllers, USB, keyboards, file systems; no graphics
# cards
install_generic() (
    moddir=$(dracut_module_path kernel-modules)
    hostonly='' hostonly_mode=''
    # shellcheck source=/dev/null
    . "$moddir/module-setup.sh"
    installkernel
)

list_recorded_modules() {
    local line

    while IFS= read -r line; do
        case $line in
            # Large, and no system starts from it.
            MODULE=*/gpu/* | MODULE=*/media/* | MODULE=*/wireless/* | MODULE=*/bluetooth/* | MODULE=*/sound/*) ;;
            MODULE=kernel/drivers/* | MODULE=kernel/fs/* | MODULE=kernel/arch/* | MODULE=kernel/crypto/*) names+=("${line##*/}") ;;
        esac
    done < <(cat "$dracutsysrootdir/etc/stiefelsystem/laptop" 2>/dev/null)
}

is_roomy() {
    local free

    free=$(df --output=avail -k "${1:-/}" 2>/dev/null | tail -n 1)
    ((${free:-0} >= roomy_kib))
}
