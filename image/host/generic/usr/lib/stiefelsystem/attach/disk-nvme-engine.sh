#!/bin/sh
# The transport "nvme-engine": a disk that a storage system lends by NVMe/TCP (TrueNAS, Ceph's gateway, SPDK, another
# Linux), and the laptop does not; what disk.sh says that a file like this defines, most of it in nvme.sh. The laptop's
# agent says where it is, and by which secret it knows this desktop (DH-HMAC-CHAP), in /stiefelsystem/secret beside the
# session file. There is no goodbye. Reads the session's $server_address, $port and what "take_parameter" takes, and
# $root.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# shellcheck source=/dev/null
. "$parts/nvme.sh"

host='' host_id='' second_address='' third_address='' fourth_address=''
# A storage system may move its address to another of its machines.
moves=yes

take_parameter() {
    case $1 in
    STIEFEL_DISK_SECOND_ADDRESS) [ -z "$second_address" ] && is_address "$2" && second_address=$2 ;;
    STIEFEL_DISK_THIRD_ADDRESS) [ -z "$third_address" ] && is_address "$2" && third_address=$2 ;;
    STIEFEL_DISK_FOURTH_ADDRESS) [ -z "$fourth_address" ] && is_address "$2" && fourth_address=$2 ;;
    STIEFEL_DISK_SUBSYSTEM) [ -z "$disk_nqn" ] && is_qualified_name "$2" && disk_nqn=$2 ;;
    STIEFEL_DISK_HOST) [ -z "$host" ] && is_qualified_name "$2" && host=$2 ;;
    STIEFEL_DISK_HOST_ID) [ -z "$host_id" ] && is_uuid "$2" && host_id=$2 ;;
    STIEFEL_DISK_NAMESPACE_ID) [ -z "$namespace" ] && is_number "$2" && namespace=$2 ;;
    STIEFEL_DISK_QUEUES) [ -z "$queues" ] && is_number "$2" && queues=$2 ;;
    *) return 1 ;;
    esac
}

# is_qualified_name TEXT: an NVMe qualified name, without what a line for the kernel takes for something else
is_qualified_name() {
    case $1 in
    *[!A-Za-z0-9:._-]*) return 1 ;;
    nqn.[0-9][0-9][0-9][0-9]-[0-9][0-9].?*:?*) return 0 ;;
    esac
    return 1
}

has_parameters() {
    other_addresses="$second_address $third_address $fourth_address"
    [ -n "$disk_nqn" ] && [ -n "$host" ] && [ -n "$host_id" ] && [ -n "$namespace" ] && [ -n "$queues" ]
}

# read_secrets: sets $secrets to what a line for the kernel has of them; no program gets them as a word
read_secrets() {
    secrets=''
    [ -s "$root/stiefelsystem/secret" ] || return 0
    while IFS= read -r line; do
        case $line in
        *[!A-Za-z0-9+/:=-]*) ;;
        HOST=DHHC-1:*) secrets=,dhchap_secret=${line#HOST=} ;;
        CONTROLLER=DHHC-1:*) secrets=$secrets,dhchap_ctrl_secret=${line#CONTROLLER=} ;;
        esac
    done <"$root/stiefelsystem/secret"
}

# connect_disk: to each address, of which one is enough: the kernel takes all that are there as ways to one disk
connect_disk() {
    result=1
    read_secrets
    # shellcheck disable=SC2086 # several words
    for place in "$server_address" $other_addresses; do
        if ! is_connected "$place"; then
            echo "$(nvme_line "$disk_nqn" "$place" "$host" "$host_id" "$queues")$secrets" | connect_line || result=$?
        fi
        is_connected "$place" || say "No connection to the disk at $place"
    done
    secrets=''
    is_connected || return "$result"
    wait_for_disk || return
    # The kernel has it now, and shows it to every user of the system about to start.
    [ ! -s "$root/stiefelsystem/secret" ] || forget_keys "$root/stiefelsystem/secret"
    put /run/tmpfiles.d/stiefelsystem.conf <<-END
	z /sys/class/nvme/*/dhchap_secret 0400 root root
	z /sys/class/nvme/*/dhchap_ctrl_secret 0400 root root
	END
}

# prepare_disk: udev of this initramfs names no disk but those that are ours
prepare_disk() {
    put /run/udev/rules.d/58-stiefelsystem.rules <<-END
	SUBSYSTEM=="block", KERNEL=="nvme*", ATTRS{subsysnqn}=="$disk_nqn", ENV{STIEFELSYSTEM}="1"
	END
}

# release_disk: of a system that ends, the disk is still mounted: it would see errors
release_disk() {
    [ "${1:-}" != ending ] || return 0
    read -r ended 2>/dev/null <"$root/sys/class/block/$disk/device/subsysnqn" && end_controllers "$ended"
    return 0
}
