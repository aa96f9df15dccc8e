#!/bin/sh
# The transport "nbd": what disk.sh says that a file like this defines. Reads the session's $server_address, $port,
# $export_name, $block_size and $connections, and $root. Programs: nbd-client built with netlink, modprobe, timeout.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

export_name='' connections=''

take_parameter() {
    case $1 in
    STIEFEL_DISK_EXPORT_NAME) [ -z "$export_name" ] && is_export_name "$2" && export_name=$2 ;;
    STIEFEL_DISK_CONNECTIONS) [ -z "$connections" ] && is_number "$2" && connections=$2 ;;
    *) return 1 ;;
    esac
}

is_export_name() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ "${#1}" -eq 32 ]
}

has_parameters() {
    has_size && [ -n "$export_name" ] && [ -n "$connections" ]
}

# name_disk: the kernel's first device of this kind, also before it is attached
name_disk() {
    disk=nbd0
    [ -e "$root/sys/class/block/$disk" ]
}

is_disk_name() {
    case $disk in
    nbd[0-9]) return 0 ;;
    esac
    return 1
}

list_disk_programs() {
    echo nbd-client
}

find_disk_programs() {
    find_program nbd-client && nbd_client=$file
}

load_disk_driver() {
    # nbds_max: each device costs udev events; more are made on demand by netlink. max_part: numbers for partitions.
    "$modprobe" nbd nbds_max=1 max_part=31 && return 0
    complain "The kernel module nbd cannot be loaded" "does the laptop's initramfs hold it? rebuild it (setup-server)"
    return 1
}

# connect_disk: hands connected sockets to the kernel, by netlink: no process stays behind that init could end or
# freeze.
#
# No time limit on requests: with one connection and no -t, the kernel waits for ever ("Possible stuck request" in its
# log) and goes on when the link is back. With several connections it would give up on each after 30 s and then report
# errors to the file system (nbd_xmit_timeout in drivers/block/nbd.c), so there the limit is a week.
connect_disk() {
    set -- -N "$export_name" -b "$block_size" -C "$connections"
    if [ "$connections" -gt 1 ]; then
        set -- "$@" -t 604800
    fi
    timeout "$ATTEMPT_SECONDS" "$nbd_client" "$@" "$server_address" "$port" "/dev/$disk"
}

# check_connection: no process may be in the disk's way
check_connection() {
    read -r client 2>/dev/null <"$root/sys/block/$disk/pid" || client=''
    if [ -n "$client" ] && [ -e "$root/proc/$client" ]; then
        complain "nbd-client stays as a process, which would not survive the start of init" \
            "the laptop's nbd-client is built without netlink"
        return 1
    fi
}

# has_connection: a cable that is out ends no connection. proc_pid_net(5): number, local address:port, remote
# address:port, state (01), ... in hexadecimal
has_connection() {
    for table in "$root/proc/net/tcp6" "$root/proc/net/tcp"; do
        [ -r "$table" ] || continue
        while read -r _ _ remote connection _; do
            case $connection,$remote in
            01,*":$port") return 0 ;;
            esac
        done <"$table"
    done
    return 1
}

# is_answered: of the requests that are under way one was done since the last call, and nothing has to be sent once
# more. Documentation/block/stat.rst: reads, writes, what is under way as the first, fifth and ninth; proc_pid_net(5):
# retransmissions as the seventh
is_answered() {
    before=${progress:-}
    if read -r reads _ _ _ writes _ _ _ requests _ 2>/dev/null <"$root/sys/class/block/$disk/stat"; then
        progress=$reads,$writes
        [ "$requests" -eq 0 ] || [ "$progress" != "$before" ] || return 1
    fi
    for table in "$root/proc/net/tcp6" "$root/proc/net/tcp"; do
        [ -r "$table" ] || continue
        while read -r _ _ remote connection _ _ again _; do
            case $connection,$remote,$again in
            *",00000000") ;;
            01,*":$port,"*) return 1 ;;
            esac
        done <"$table"
    done
    return 0
}

# drop_connections: those that there are do not come back
drop_connections() {
    :
}

release_disk() {
    timeout -s KILL 10 "$nbd_client" -d "/dev/$disk"
}

tell_how_to_look() {
    echo "nbd-client -l $server_address $port"
}
