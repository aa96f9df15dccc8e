#!/bin/sh
# What the transports by NVMe/TCP have in common: one lends the laptop's disk (disk-nvme-tcp.sh), the other has that of
# a storage system (disk-nvme-engine.sh). No program of its own: a line that is written to /dev/nvme-fabrics makes the
# kernel connect, and no process is in the way of a block afterwards. Reads the session's $server_address, $port and
# $queues, $disk_nqn, the name of the subsystem, $namespace where it has several, and $root. Programs: dd, modprobe,
# timeout, udevadm.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# Settings of a connection (drivers/nvme/host/fabrics.c). It is never given up: ctrl_loss_tmo. The other side misses the
# desktop after 15 s, and the desktop the other side; it tries again every second, so that the disk goes on as soon as
# the cable is back. No host_iface: a card that comes back has another index.
NVME_OPTIONS=reconnect_delay=1,ctrl_loss_tmo=-1,keep_alive_tmo=15

disk_nqn='' namespace='' queues=''

is_uuid() {
    case $1 in
    *[!0-9a-f-]*) return 1 ;;
    ????????-????-????-????-????????????) return 0 ;;
    esac
    return 1
}

# nvme_line NQN ADDRESS HOST_NQN HOST_ID QUEUES: what asks the kernel to connect to a subsystem
nvme_line() {
    echo "transport=tcp,traddr=$2,trsvcid=$port,nqn=$1,hostnqn=$3,hostid=$4,nr_io_queues=$5,$NVME_OPTIONS"
}

# connect_line: writes the line of standard input, whole; the write ends when the kernel is connected or has failed, and
# would wait for minutes where no answer comes. klibc's dd, which Debian's initramfs has, reports no error of a write.
connect_line() {
    timeout "$ATTEMPT_SECONDS" dd bs=4096 of="$root/dev/nvme-fabrics" 2>/dev/null
}

# name_disk: the one of our subsystem, whatever its number. With several ways to a disk the kernel has a block device
# for each (nvme0c0n1) besides the disk itself; partitions (nvme0n1p1) lie below it. The number behind the n is not that
# of the namespace.
name_disk() {
    disk=''
    for directory in "$root"/sys/class/nvme-subsystem/*; do
        read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        [ "$name" = "${disk_nqn:-none}" ] || continue
        for device in "$directory"/nvme*n* "$directory"/nvme*/nvme*n*; do
            device=${device##*/}
            case $device in
            *c*n* | *n*p* | *'*'*) continue ;;
            esac
            [ -e "$root/sys/class/block/$device" ] || continue
            [ -z "$namespace" ] || [ "$(read_number "$root/sys/class/block/$device/nsid")" = "$namespace" ] || continue
            disk=$device
        done
    done
    [ -n "$disk" ]
}

read_number() {
    read -r number_there 2>/dev/null <"$1" && echo "$number_there"
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
    # Requests that the other side has no memory for are tried again; after the usual 5 times, at once one after the
    # other, the file system would get an error.
    [ ! -w "$root/sys/module/nvme_core/parameters/max_retries" ] ||
        echo 255 >"$root/sys/module/nvme_core/parameters/max_retries"
    return 0
}

# is_connected [ADDRESS]: whether the kernel has a connection to our subsystem
is_connected() {
    for directory in "$root"/sys/class/nvme/*; do
        read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        [ "$name" = "$disk_nqn" ] || continue
        [ -n "${1:-}" ] || return 0
        read -r name 2>/dev/null <"$directory/address" || continue
        case $name, in
        "traddr=$1,"*) return 0 ;;
        esac
    done
    return 1
}

# wait_for_disk: namespaces are looked for behind our back
wait_for_disk() {
    waited=0
    until name_disk; do
        [ "$waited" -lt "$ATTEMPT_SECONDS" ] || return 124
        waited=$((waited + 1))
        udevadm settle --timeout=1
        name_disk || sleep 1
    done
    # What the other side needs memory for comes in pieces of a mebibyte.
    [ ! -w "$root/sys/block/$disk/queue/max_sectors_kb" ] || echo 1024 >"$root/sys/block/$disk/queue/max_sectors_kb"
}

# end_controllers NQN...: nothing shall try to connect again
end_controllers() {
    for directory in "$root"/sys/class/nvme/*; do
        IFS= read -r name 2>/dev/null <"$directory/subsysnqn" || continue
        for ours in "$@"; do
            [ "$name" != "$ours" ] || echo 1 >"$directory/delete_controller"
        done
    done
}

# check_connection: there is no process
check_connection() {
    :
}

# has_connection: one that was lost is made again, for ever; where the other side refuses it, the kernel takes the disk
# away
has_connection() {
    [ -e "$root/sys/class/block/$disk" ]
}

# is_answered: the kernel has a connection and need not make it again. With several ways to a disk it lies below what
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

# drop_connections: the kernel makes new ones, as soon as it can. Of those that are there TCP's timers would say when
# they go on.
drop_connections() {
    case $server_address in
    *:*) ss -H -K -t dst "[$server_address]:$((0x$port))" ;;
    *) ss -H -K -t dst "$server_address:$((0x$port))" ;;
    esac
}

tell_how_to_look() {
    echo "cat /sys/class/nvme/*/state"
}
