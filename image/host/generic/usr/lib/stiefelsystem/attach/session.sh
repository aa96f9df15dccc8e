#!/bin/sh
# The session file, which the boot exchange has added to this initramfs, and /run/stiefelsystem/session.state, which is
# what the running system knows of it. Both are read as data, never sourced. Sourced by stiefel-attach, stiefel-check
# and the script of systemd-shutdown. Reads $session_file and $state.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

is_number() {
    case $1 in
    '' | *[!0-9]* | ?????????????????*) return 1 ;;
    esac
}

is_address() {
    case $1 in
    '' | *[!0-9a-fA-F.:/]*) return 1 ;;
    *:* | *.*.*.*) return 0 ;;
    esac
    return 1
}

is_mac() {
    hex='[0-9a-f][0-9a-f]'
    # shellcheck disable=SC2254 # $hex is meant as a pattern
    case $1 in
    $hex:$hex:$hex:$hex:$hex:$hex) return 0 ;;
    esac
    return 1
}

is_link_name() {
    case $1 in
    '' | *[!a-z0-9]* | ????????????????*) return 1 ;;
    esac
}

is_export_name() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ "${#1}" -eq 32 ]
}

# take KEY VALUE: one line of the session file; a key that is unknown, repeated or has an odd value is refused
take() {
    case $1 in
    STIEFEL_VERSION) [ -z "$version" ] && is_number "$2" && version=$2 ;;
    STIEFEL_TRANSPORT) [ -z "$transport" ] && transport=$2 ;;
    STIEFEL_LINK_MAC) [ -z "$link_mac" ] && is_mac "$2" && link_mac=$2 ;;
    STIEFEL_LINK_NAME) [ -z "$link_name" ] && is_link_name "$2" && link_name=$2 ;;
    STIEFEL_CLIENT_ADDRESS) [ -z "$client_address" ] && is_address "$2" && client_address=$2 ;;
    STIEFEL_GATEWAY) [ -z "$gateway" ] && is_address "${2%%\%*}" && gateway=${2%%\%*} ;;
    STIEFEL_MTU) [ -z "$mtu" ] && is_number "$2" && mtu=$2 ;;
    STIEFEL_SERVER_ADDRESS) [ -z "$server_address" ] && is_address "${2%%\%*}" && server_address=$2 ;;
    STIEFEL_PORT) [ -z "$port" ] && is_number "$2" && port=$2 ;;
    STIEFEL_EXPORT_NAME) [ -z "$export_name" ] && is_export_name "$2" && export_name=$2 ;;
    STIEFEL_BLOCK_SIZE) [ -z "$block_size" ] && is_number "$2" && block_size=$2 ;;
    STIEFEL_DISK_SIZE) [ -z "$disk_size" ] && is_number "$2" && disk_size=$2 ;;
    STIEFEL_CONNECTIONS) [ -z "$connections" ] && is_number "$2" && connections=$2 ;;
    *) return 1 ;;
    esac
}

# read_session: fills the variables below; the file is read as data, never sourced
read_session() {
    server_mac='' via='' nodad='' raised='' other=''
    version='' transport='' link_mac='' link_name='' client_address='' gateway='' mtu='' server_address='' port=''
    export_name='' block_size='' disk_size='' connections=''
    number=0
    while IFS='=' read -r key value || [ -n "$key" ]; do
        number=$((number + 1))
        case $value in
        '' | *[!A-Za-z0-9:._/%-]*) value='' ;;
        esac
        if [ -z "$value" ] || [ "${#value}" -gt 128 ] || [ "$number" -gt 64 ] || ! take "$key" "$value"; then
            complain "Line $number of the session file is not understood" \
                "stiefelsystem in the laptop's initramfs and in the boot image must be of one version"
            return 1
        fi
        if [ "$number" -eq 1 ] && [ "$version" != 1 ]; then
            complain "The session file has version \"$value\", this program knows version 1" \
                "update stiefelsystem on the laptop and rebuild its initramfs"
            return 1
        fi
    done <"$session_file"
    for value in "$version" "$transport" "$link_mac" "$link_name" "$client_address" "$server_address" "$port" \
        "$export_name" "$block_size" "$disk_size" "$connections"; do
        if [ -z "$value" ]; then
            complain "The session file is incomplete"
            return 1
        fi
    done
}

# read_state: sets $transport and $disk, the kernel's name of the disk, to what "attach" has written down; both are
# empty where it has not
read_state() {
    transport='' disk=''
    while IFS='=' read -r key value; do
        case $key,$value in
        *,*[!a-z0-9/-]*) ;;
        STIEFEL_TRANSPORT,*) transport=$value ;;
        STIEFEL_DISK,/dev/*) disk=${value#/dev/} ;;
        esac
    done 2>/dev/null <"$state/session.state"
    [ -n "$transport" ] && [ -n "$disk" ]
}
