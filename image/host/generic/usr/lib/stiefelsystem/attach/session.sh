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

is_public_key() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ "${#1}" -eq 64 ]
}

SESSION_VERSION=2
# The groups of lib/protocol/session_groups.ts that this initramfs knows. Their keys are in "take", those of one
# transport alone in "take_parameter" of its file disk-NAME.sh. A test compares all of them with that table.
SESSION_GROUPS='link tunnel disk mode'
# What to do when the image is newer than this initramfs.
SAME_DATE="run setup-server on the laptop, with a stiefelsystem as new as the image"

# take KEY VALUE: one line of the session file; a key that is unknown, repeated or has an odd value is refused
take() {
    case $1 in
    STIEFEL_VERSION) [ -z "$version" ] && is_number "$2" && version=$2 ;;
    STIEFEL_LINK_MAC) [ -z "$link_mac" ] && is_mac "$2" && link_mac=$2 ;;
    STIEFEL_LINK_VLAN) [ -z "$vlan" ] && is_number "$2" && vlan=$2 ;;
    STIEFEL_LINK_NAME) [ -z "$link_name" ] && is_link_name "$2" && link_name=$2 ;;
    STIEFEL_LINK_ADDRESS) [ -z "$client_address" ] && is_address "$2" && client_address=$2 ;;
    STIEFEL_LINK_GATEWAY) [ -z "$gateway" ] && is_address "${2%%\%*}" && gateway=${2%%\%*} ;;
    STIEFEL_LINK_MTU) [ -z "$mtu" ] && is_number "$2" && mtu=$2 ;;
    STIEFEL_TUNNEL_NAME) [ -z "$tunnel_name" ] && is_link_name "$2" && tunnel_name=$2 ;;
    STIEFEL_TUNNEL_ADDRESS) [ -z "$tunnel_address" ] && is_address "$2" && tunnel_address=$2 ;;
    STIEFEL_TUNNEL_MTU) [ -z "$tunnel_mtu" ] && is_number "$2" && tunnel_mtu=$2 ;;
    STIEFEL_TUNNEL_ENDPOINT) [ -z "$tunnel_endpoint" ] && is_address "${2%%\%*}" && tunnel_endpoint=$2 ;;
    STIEFEL_TUNNEL_PORT) [ -z "$tunnel_port" ] && is_number "$2" && tunnel_port=$2 ;;
    STIEFEL_TUNNEL_PUBLIC_KEY) [ -z "$tunnel_key" ] && is_public_key "$2" && tunnel_key=$2 ;;
    STIEFEL_DISK_TRANSPORT) [ -z "$transport" ] && transport=$2 ;;
    STIEFEL_DISK_ADDRESS) [ -z "$server_address" ] && is_address "${2%%\%*}" && server_address=$2 ;;
    STIEFEL_DISK_PORT) [ -z "$port" ] && is_number "$2" && port=$2 ;;
    STIEFEL_DISK_BLOCK_SIZE_BYTES) [ -z "$block_size" ] && is_number "$2" && block_size=$2 ;;
    STIEFEL_DISK_SIZE_BYTES) [ -z "$disk_size" ] && is_number "$2" && disk_size=$2 ;;
    STIEFEL_MODE_KIND) [ -z "$mode" ] && [ "$2" = try ] && mode=$2 ;;
    STIEFEL_MODE_GUEST) [ -z "$guest" ] && is_number "$2" && guest=$2 ;;
    *) [ -n "$transport" ] && take_parameter "$1" "$2" ;;
    esac
}

# find_group KEY: sets $group to the group that a key of the session file belongs to, in lower case; fails for what is
# no such key. There may be no tr.
find_group() {
    case $1 in
    STIEFEL_*[!A-Z_]* | STIEFEL__* | ????????????????????????????????????????*) return 1 ;;
    STIEFEL_?*_?*) ;;
    *) return 1 ;;
    esac
    rest=${1#STIEFEL_}
    rest=${rest%%_*}
    group=''
    while [ -n "$rest" ]; do
        upper=ABCDEFGHIJKLMNOPQRSTUVWXYZ
        lower=abcdefghijklmnopqrstuvwxyz
        while [ "${upper%"${upper#?}"}" != "${rest%"${rest#?}"}" ]; do
            [ -n "$upper" ] || return 1
            upper=${upper#?}
            lower=${lower#?}
        done
        group=$group${lower%"${lower#?}"}
        rest=${rest#?}
    done
}

# refuse_line KEY: tells why "take" has refused a line
refuse_line() {
    if find_group "$1"; then
        case " $SESSION_GROUPS " in
        *" $group "*) ;;
        *)
            complain "The session has a group \"$group\", which this initramfs does not know" "$SAME_DATE"
            return
            ;;
        esac
    fi
    complain "Line $number of the session file is not understood" \
        "stiefelsystem in the laptop's initramfs and in the boot image must be of one version"
}

# read_session: fills the variables below; the file is read as data, never sourced
read_session() {
    server_mac='' via='' nodad='' raised='' other=''
    version='' link_mac='' vlan='' link_name='' client_address='' gateway='' mtu=''
    tunnel_name='' tunnel_address='' tunnel_mtu='' tunnel_endpoint='' tunnel_port='' tunnel_key=''
    transport='' server_address='' port='' block_size='' disk_size='' other_addresses='' moves=''
    mode='' guest=''
    number=0
    while IFS='=' read -r key value || [ -n "$key" ]; do
        number=$((number + 1))
        case $value in
        '' | *[!A-Za-z0-9:._/%-]*) value='' ;;
        esac
        if [ -z "$value" ] || [ "${#value}" -gt 128 ] || [ "$number" -gt 64 ] || ! take "$key" "$value"; then
            refuse_line "$key"
            return 1
        fi
        if [ "$number" -eq 1 ] && [ "$version" != "$SESSION_VERSION" ]; then
            refuse_version
            return 1
        fi
        if [ "$key" = STIEFEL_DISK_TRANSPORT ] && ! load_transport "$value"; then
            return 1
        fi
    done <"$session_file"
    # All of a tunnel, or nothing.
    if [ -n "$tunnel_name$tunnel_address$tunnel_mtu$tunnel_endpoint$tunnel_port$tunnel_key" ]; then
        for value in "$tunnel_name" "$tunnel_address" "$tunnel_mtu" "$tunnel_endpoint" "$tunnel_port" "$tunnel_key"; do
            [ -n "$value" ] || version=''
        done
    fi
    case ${mode:+mode}${guest:+guest} in
    '' | modeguest) ;;
    *) version='' ;;
    esac
    for value in "$version" "$link_mac" "$link_name" "$client_address" "$transport" "$server_address" "$port"; do
        if [ -z "$value" ]; then
            complain "The session file is incomplete"
            return 1
        fi
    done
    # The link is the card, or a VLAN on it.
    card_name=$link_name${vlan:+c}
    has_parameters && return 0
    complain "The session file is incomplete"
    return 1
}

refuse_version() {
    case $version in
    '') complain "The session file does not begin with its version" ;;
    0 | 1) set -- "build the laptop's image again (create-initrd): it is older than this initramfs" ;;
    *) set -- "$SAME_DATE" ;;
    esac
    [ -z "$version" ] ||
        complain "The session file has version $version, this initramfs knows version $SESSION_VERSION" "$1"
}

# read_state: sets $transport and $disk, the kernel's name of the disk, to what "attach" has written down; both are
# empty where it has not. Sets $tunnel_name where there is a tunnel
read_state() {
    transport='' disk=''
    while IFS='=' read -r key value; do
        case $key,$value in
        *,*[!a-z0-9/-]*) ;;
        STIEFEL_TRANSPORT,*) transport=$value ;;
        STIEFEL_DISK,/dev/*) disk=${value#/dev/} ;;
        STIEFEL_TUNNEL_NAME,*) tunnel_name=$value ;;
        esac
    done 2>/dev/null <"$state/session.state"
    [ -n "$transport" ] && [ -n "$disk" ]
}
