#!/bin/bash
# Sourced by dracut(8) when it is called with "--add stiefelsystem" (dracut.modules(7)). Adds what attaches the laptop's
# disk on a desktop: it is used only when a boot exchange adds a session to the initramfs. Needs none of dracut's
# network modules. dracut calls the functions below with $moddir, $initdir, $dracutsysrootdir and $systemdsystemunitdir
# set.
# shellcheck disable=SC2154

# What has to be in it is listed there. dracut sources this file whenever it runs, also when setup-server has not
# finished.
needs=$dracutsysrootdir/usr/lib/stiefelsystem/needs
# shellcheck disable=SC2034
module_directory=${srcmods:-}
# shellcheck source=/dev/null
[[ ! -r $needs.sh ]] || . "$needs.sh"

check() {
    local program transports

    [[ -r $needs.sh ]] && transports=$(choose_transports find_binary) || return 1
    # shellcheck disable=SC2086 # several words
    for program in $(list_programs $transports); do
        find_binary "$program" >/dev/null && continue
        say_lacking "\"$program\""
        return 1
    done
    # In no initramfs but the one that asks for it.
    return 255
}

# list_programs TRANSPORT...
list_programs() {
    list_names program attach "$@"
    list_names tool attach "$@"
}

depends() {
    return 0
}

installkernel() {
    local name drivers=() modules=()

    # Whatever machine the desktop is: wired links of every kind, keyboards, and what these are plugged into. dracut's
    # kernel-modules has some of them, too, where the settings do not leave it out or name "drivers" of their own, since
    # the laptop's kernel has all it needs built in. What the laptop's settings omit or list is of the laptop.
    # shellcheck disable=SC2046 # several words
    mapfile -t modules < <(list_names module $(choose_transports find_binary) $(choose_tunnel) link keyboard)
    for name in $(list_names drivers link keyboard); do
        drivers+=("=drivers/$name")
    done
    hostonly='' omit_drivers='' instmods "${modules[@]}" "${drivers[@]}"
}

install() {
    local name transports ours=/usr/lib/stiefelsystem

    # A setting for laptops with all they need in the kernel. dracut looks at it when this is over, before it calls
    # installkernel.
    # shellcheck disable=SC2034
    no_kernel=no
    transports=$(choose_transports find_binary) || return 1
    # shellcheck disable=SC2046,SC2086 # several words
    inst_multiple $(list_programs $transports)
    # shellcheck disable=SC2086
    for name in $(list_names file attach $transports); do
        case $name in
            *.sh) inst_simple "$ours/$name" ;;
            *) inst_script "$ours/$name" ;;
        esac
    done
    for name in $(list_names rules attach); do
        inst_simple "$ours/$name" "/usr/lib/udev/rules.d/$name"
    done
    for name in $(list_names modprobe link); do
        inst_simple "$ours/$name" "/etc/modprobe.d/$name"
    done
    if dracut_module_included systemd; then
        install_units "$ours"
    else
        inst_hook initqueue/settled 10 "$moddir/attach.sh"
        inst_hook pre-mount 00 "$moddir/check.sh"
        inst_hook cleanup 90 "$moddir/prepare.sh"
        install_keymap
    fi
    install_root_volumes
    keep_networks_out
}

install_units() {
    local unit name units wants=$initdir$systemdsystemunitdir/initrd.target.wants masks=$initdir/etc/systemd/system

    mkdir -p "$wants" "$masks"
    for unit in $(list_names unit systemd); do
        inst_simple "$1/$unit" "$systemdsystemunitdir/$unit"
        ln -sf "../$unit" "$wants/$unit"
    done
    while read -r name units; do
        for unit in $units; do
            inst_simple "$1/$name" "$systemdsystemunitdir/$unit.d/10-stiefelsystem.conf"
        done
    done < <(list_needs drop-in systemd)
    # Should someone have dracut's module "resume" in every initramfs.
    for unit in $(list_names masked systemd); do
        ln -sf /dev/null "$masks/$unit"
    done
}

# dracut leaves out of a generic initramfs which containers and volumes are below the root file system, and the boot
# loader's command line need not name them. So are those below the swap that the laptop resumes from, so that
# stiefel-check can look at it, and those for which the system asks a passphrase whenever it starts: the running
# kernel's command line depends on the machine that this runs on, crypttab does not. The initramfs opens nothing else:
# it leaves the desktop's own disks alone.
install_root_volumes() {
    local mountpoint name type fstype uuid parameters='' containers=() disks='' has_device=''

    while read -r name type fstype uuid; do
        has_device=yes
        if [[ $fstype == crypto_LUKS ]]; then
            parameters+=" rd.luks.uuid=$uuid"
            containers+=("$name" "UUID=$uuid")
        fi
        [[ $type != disk ]] || disks+=" $name"
        [[ $type != lvm ]] || parameters+=" rd.lvm.lv=$(lvm lvs --noheadings --separator / -o vg_name,lv_name "$name" | tr -d ' ')"
    done < <(
        {
            for mountpoint in / /usr; do
                findmnt --noheadings --nofsroot --output SOURCE --mountpoint "$mountpoint" || :
            done
            find_resume_devices
        } | while read -r name; do
            [[ $name != /dev/* ]] || list_below "$name"
        done | sort -u
    )
    # Where the root file system has no device this is an image tree.
    for uuid in $([[ -z $has_device ]] || list_asked_containers "$disks"); do
        is_one_of "UUID=$uuid" "${containers[@]}" && continue
        parameters+=" rd.luks.uuid=$uuid"
        containers+=("UUID=$uuid")
    done
    [[ -z $parameters ]] || echo "$parameters" >>"$initdir/etc/cmdline.d/95stiefelsystem.conf"
    install_crypttab "${containers[@]}"
}

# list_below DEVICE: prints a line for it and for each device below it
list_below() {
    lsblk --noheadings --inverse --raw --paths --output NAME,TYPE,FSTYPE,UUID "$1"
}

# list_asked_containers DISKS: prints the UUIDs of containers that crypttab(5) has opened by a passphrase at each start,
# and that lie on no disk but these, as far as can be seen
list_asked_containers() {
    local name device key options path type is_elsewhere

    while read -r name device key options || [[ -n $name ]]; do
        device=${device//[\"\']/}
        [[ $name != \#* && $device == UUID=* && ${key:-none} =~ ^(none|-)$ ]] || continue
        [[ ! ,$options, =~ ,(noauto|nofail|swap|tmp|tmp=[^,]*|plain|tcrypt|bitlk|x-initrd\.attach), ]] || continue
        path=$(name_device "$device") is_elsewhere=''
        # An initramfs would wait for one that is not there.
        [[ ! -d $dracutsysrootdir/dev/disk/by-uuid || -e $dracutsysrootdir$path ]] || continue
        while read -r name type _; do
            [[ $type != disk || " $1 " == *" $name "* ]] || is_elsewhere=yes
        done < <(list_below "$path" 2>/dev/null)
        [[ -n $is_elsewhere ]] || printf '%s\n' "${device#UUID=}"
    done < <(cat "$dracutsysrootdir/etc/crypttab" 2>/dev/null)
}

# keep_networks_out: a generic initramfs has dracut's network modules wherever programs ask for them: NFS and iSCSI do.
# NetworkManager and network-legacy take every link, ours too, when the laptop's settings of dracut say "rd.neednet"
# (for Clevis or dropbear, say). The last of a parameter counts, and such files are read by name; "dracut-network.conf"
# is usual for dropbear. systemd-networkd is started by its socket, and dracut 111 gives it a network for every link,
# asked for or not.
keep_networks_out() {
    local unit masks=$initdir/etc/systemd/system

    echo " rd.neednet=0" >>"$initdir/etc/cmdline.d/zzz-stiefelsystem.conf"
    for unit in "$initdir$systemdsystemunitdir"/{systemd-networkd,NetworkManager-,nm-,cm-,wicked}*.{service,socket}; do
        [[ -e $unit ]] || continue
        mkdir -p "$masks"
        ln -sf /dev/null "$masks/${unit##*/}"
    done
}

# install_keymap: a passphrase is typed on the laptop's keymap, which dracut's module i18n puts into a generic initramfs
# only where that has systemd. Distributions and laptops say in i18n_vars where it is (dracut.conf(5)):
# FILE:NAME-KEYMAP,... or FILE:KEYMAP,...
install_keymap() {
    local item name line names keymap=''

    for item in /etc/conf.d/keymaps:keymap-KEYMAP /etc/rc.conf:KEYMAP /etc/vconsole.conf:KEYMAP ${i18n_vars:-}; do
        [[ -r $dracutsysrootdir${item%%:*} ]] || continue
        IFS=, read -ra names <<<"${item#*:}"
        for name in "${names[@]}"; do
            [[ ${name#*-} == KEYMAP ]] || continue
            while read -r line || [[ -n $line ]]; do
                [[ $line != "${name%%-*}"=?* ]] || keymap=${line#*=}
            done <"$dracutsysrootdir${item%%:*}"
        done
    done
    [[ -z $keymap ]] || echo "KEYMAP=$keymap" >>"$initdir/etc/vconsole.conf"
}

# find_resume_devices: prints the devices that "resume=" names on the running kernel's command line and on the laptop's.
# A desktop's command line names none.
find_resume_devices() {
    local words=() word line

    read -ra words <"$dracutsysrootdir/proc/cmdline" || :
    for word in "${words[@]}"; do
        [[ $word != resume=* ]] || name_device "${word#*=}"
    done
    while IFS= read -r line; do
        case $line in
            RESUME=*) name_device "${line#*=}" ;;
            CONTAINER=*) name_device "UUID=${line#*=}" ;;
        esac
    done < <(cat "$dracutsysrootdir/etc/stiefelsystem/laptop" 2>/dev/null)
}

# name_device DEVICE: prints the path of what crypttab or a kernel parameter names
name_device() {
    local tag=${1%%=*} device=$1

    # Names of udev's links: by-partuuid, by-label, ...
    [[ $device != *=* ]] || device=/dev/disk/by-${tag,,}/${device#*=}
    printf '%s\n' "$device"
}

# install_crypttab CONTAINER...: the root file system may be looked for under the name that crypttab(5) gives its
# container. Without key files: they would have to be in the initramfs, which is sent to other machines.
install_crypttab() {
    local name device options

    [[ -e $dracutsysrootdir/etc/crypttab ]] || return 0
    while read -r name device _ options || [[ -n $name ]]; do
        [[ -n $device && $name != \#* ]] || continue
        if is_one_of "$device" "$@"; then
            # stiefel-check has to wait for all of these, and the user has to type a passphrase.
            options=$(drop_options "$options" noauto nofail 'timeout=*')
        elif [[ ,$options, != *,x-initrd.attach,* ]]; then
            continue
        fi
        # What a TPM, a token or a key server opens on the laptop takes the passphrase on another machine.
        options=$(drop_options "$options" 'tpm2-*' 'fido2-*' 'pkcs11-*' 'keyfile-*' 'keyscript=*')
        printf '%s %s none %s\n' "$name" "$device" "${options:-luks}"
    done <"$dracutsysrootdir/etc/crypttab" >"$initdir/etc/crypttab"
    [[ -s $initdir/etc/crypttab ]] || rm -f "$initdir/etc/crypttab"
}

# is_one_of DEVICE CONTAINER...: DEVICE as in crypttab, CONTAINER a path or UUID=...
is_one_of() {
    # systemd takes values in quotes, as in UUID="...".
    local name=${1//[\"\']/} device container

    device=$(name_device "$name")
    shift
    for container in "$@"; do
        [[ $container != "$name" && ! $container -ef $device ]] || return 0
    done
    return 1
}

# drop_options OPTIONS PATTERN...: prints OPTIONS, which commas separate, without those that match a pattern
drop_options() {
    local list=$1 option pattern IFS=, kept=()

    shift
    for option in $list; do
        for pattern; do
            # shellcheck disable=SC2053
            [[ $option != $pattern ]] || continue 2
        done
        kept+=("$option")
    done
    printf '%s' "${kept[*]}"
}
