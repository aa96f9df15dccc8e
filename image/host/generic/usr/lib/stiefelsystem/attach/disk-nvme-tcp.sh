#!/bin/sh
# The transport "nvme-tcp": what disk.sh says that a file like this defines, most of it in nvme.sh. Reads the session's
# $server_address, $port, $subsystem, $host and $queues, and $root.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# shellcheck source=/dev/null
. "$parts/nvme.sh"

subsystem='' host=''

take_parameter() {
    case $1 in
    STIEFEL_DISK_SUBSYSTEM)
        [ -z "$subsystem" ] && is_uuid "$2" && subsystem=$2 && disk_nqn=nqn.2014-08.org.nvmexpress:uuid:$2
        ;;
    STIEFEL_DISK_HOST) [ -z "$host" ] && is_uuid "$2" && host=$2 ;;
    STIEFEL_DISK_QUEUES) [ -z "$queues" ] && is_number "$2" && queues=$2 ;;
    *) return 1 ;;
    esac
}

has_parameters() {
    has_size && [ -n "$subsystem" ] && [ -n "$host" ] && [ -n "$queues" ]
}

# session_line SUFFIX QUEUES: of the session's subsystem, or of its sibling
session_line() {
    nvme_line "$disk_nqn$1" "$server_address" "nqn.2014-08.org.nvmexpress:uuid:$host" "$host" "$2"
}

connect_disk() {
    name_disk && return 0
    session_line '' "$queues" | connect_line || return
    is_connected || return 1
    wait_for_disk || return
    # For the end, when the session file is gone. Who has it can end the session, so it is for root alone.
    (umask 077 && session_line :goodbye 1 >"$state/goodbye")
}

# release_disk: the laptop's kernel tells its agent who connects to the subsystem without a disk. By the shell alone, as
# the programs' own disk may go away.
release_disk() {
    name=''
    [ ! -r "$state/goodbye" ] || IFS= read -r name <"$state/goodbye"
    [ -z "$name" ] || printf '%s\n' "$name" >"$root/dev/nvme-fabrics"
    # Of a system that ends the disk is still mounted: it would see errors.
    [ "${1:-}" != ending ] || return 0
    ended=${name#*,nqn=}
    ended=${ended%%:goodbye,*}
    end_controllers "$ended" "$ended:goodbye"
    return 0
}
