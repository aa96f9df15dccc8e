#!/bin/sh
# The transport "nvme-tcp": what disk.sh says that a file like this defines. Reads the session's $server_address, $port,
# $subsystem, $host and $queues, and $root. No program of its own: a line that is written to /dev/nvme-fabrics makes the
# kernel connect, and no process is in the way of a block afterwards. Programs: dd, modprobe, timeout, udevadm.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# Settings of a connection (drivers/nvme/host/fabrics.c). It is never given up: ctrl_loss_tmo. The laptop misses the
# desktop after 15 s, and the desktop the laptop. No host_iface: a card that comes back has another index.
NVME_OPTIONS=reconnect_delay=2,ctrl_loss_tmo=-1,keep_alive_tmo=15

subsystem='' host='' queues=''

take_parameter() {
    case $1 in
    STIEFEL_DISK_SUBSYSTEM) [ -z "$subsystem" ] && is_uuid "$2" && subsystem=$2 ;;
    STIEFEL_DISK_HOST) [ -z "$host" ] && is_uuid "$2" && host=$2 ;;
    STIEFEL_DISK_QUEUES) [ -z "$queues" ] && is_number "$2" && queues=$2 ;;
    *) return 1 ;;
    esac
}

is_uuid() {
    case $1 in
    *[!0-9a-f-]*) return 1 ;;
    ????????-????-????-????-????????????) return 0 ;;
    esac
    return 1
}

# nvme_line SUFFIX QUEUES: what asks the kernel to connect to the session's subsystem, or to its sibling
nvme_line() {
    echo "transport=tcp,traddr=$server_address,trsvcid=$port,nqn=nqn.2014-08.org.nvmexpress:uuid:$subsystem$1,hostnqn=nqn.2014-08.org.nvmexpress:uuid:$host,hostid=$host,nr_io_queues=$2,$NVME_OPTIONS"
}

has_parameters() {
    [ -n "$subsystem" ] && [ -n "$host" ] && [ -n "$queues" ]
}

# name_disk: the one of our subsystem, whatever its number. With several ways to a disk the kernel has a block device
# for each (nvme0c0n1) besides the disk itself; partitions (nvme0n1p1) lie below it.
name_disk() {
    disk=''
    for directory in "$root"/sys/class/nvme-subsystem/*; do
        read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        case $name in
        nqn.2014-08.org.nvmexpress:uuid:"${subsystem:-none}") ;;
        *) continue ;;
        esac
        for device in "$directory"/nvme*n* "$directory"/nvme*/nvme*n*; do
            device=${device##*/}
            case $device in
            *c*n* | *n*p* | *'*'*) ;;
            *) [ ! -e "$root/sys/class/block/$device" ] || disk=$device ;;
            esac
        done
    done
    [ -n "$disk" ]
}

is_disk_name() {
    case $disk in
    nvme[0-9]n[0-9] | nvme[0-9][0-9]n[0-9]) return 0 ;;
    esac
    return 1
}

list_disk_programs() {
    :
}

find_disk_programs() {
    :
}

load_disk_driver() {
    if ! "$modprobe" nvme-tcp; then
        complain "The kernel module nvme-tcp cannot be loaded" "does the laptop's initramfs hold it? rebuild it (setup-server)"
        return 1
    fi
    # Requests that the laptop has no memory for are tried again; after the usual 5 times, at once one after the other,
    # the file system would get an error.
    [ ! -w "$root/sys/module/nvme_core/parameters/max_retries" ] ||
        echo 255 >"$root/sys/module/nvme_core/parameters/max_retries"
    return 0
}

is_connected() {
    for directory in "$root"/sys/class/nvme/*; do
        read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        [ "$name" != "nqn.2014-08.org.nvmexpress:uuid:$subsystem" ] || return 0
    done
    return 1
}

# connect_disk: the write ends when the kernel is connected or has failed; it would wait for minutes where no answer
# comes
connect_disk() {
    name_disk && return 0
    nvme_line '' "$queues" | timeout "$ATTEMPT_SECONDS" dd bs=4096 of="$root/dev/nvme-fabrics" 2>/dev/null || return
    # klibc's dd, which Debian's initramfs has, reports no error of a write.
    is_connected || return 1
    # Namespaces are looked for behind our back.
    waited=0
    until name_disk; do
        [ "$waited" -lt "$ATTEMPT_SECONDS" ] || return 124
        waited=$((waited + 1))
        udevadm settle --timeout=1
        name_disk || sleep 1
    done
    # What the laptop needs memory for comes in pieces of a mebibyte.
    [ ! -w "$root/sys/block/$disk/queue/max_sectors_kb" ] || echo 1024 >"$root/sys/block/$disk/queue/max_sectors_kb"
    # For the end, when the session file is gone. Who has it can end the session, so it is for root alone.
    (umask 077 && nvme_line :goodbye 1 >"$state/goodbye")
}

# check_connection: there is no process
check_connection() {
    :
}

# has_connection: one that was lost is made again, for ever; where the laptop refuses it, the kernel takes the disk away
has_connection() {
    [ -e "$root/sys/class/block/$disk" ]
}

# is_answered: the kernel has its connection and need not make it again. With several ways to a disk it lies below what
# they have in common.
is_answered() {
    result=0
    for file in "$root/sys/class/block/$disk/device/state" "$root/sys/class/block/$disk"/device/nvme*/state; do
        read -r word 2>/dev/null <"$file" || continue
        [ "$word" != live ] || return 0
        result=1
    done
    return "$result"
}

# release_disk: the laptop's kernel tells its agent who connects to the subsystem without a disk. By the shell alone, as
# the programs' own disk may go away.
release_disk() {
    name=''
    [ ! -r "$state/goodbye" ] || IFS= read -r name <"$state/goodbye"
    [ -z "$name" ] || printf '%s\n' "$name" >"$root/dev/nvme-fabrics"
    # Of a system that ends the disk is still mounted: it would see errors.
    [ "${1:-}" != exec ] || return 0
    # Nothing shall try to connect again.
    ours=${name#*,nqn=}
    ours=${ours%%:goodbye,*}
    for directory in "$root"/sys/class/nvme/*; do
        IFS= read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        case $name in
        "$ours" | "$ours:goodbye") echo 1 >"$directory/delete_controller" ;;
        esac
    done
    return 0
}

tell_how_to_look() {
    echo "cat /sys/class/nvme/*/state"
}
