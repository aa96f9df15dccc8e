#!/bin/sh
# The disk of the laptop, by whatever transport. Sourced by stiefel-attach, stiefel-check and the script of
# systemd-shutdown. Reads $root, $parts, $ip and the session. A transport NAME is one file beside this one,
# disk-NAME.sh, which alone knows its programs and devices, and defines:
#
#   take_parameter KEY VALUE
#                         takes a line of the session file that is its own; fails for a key that is not, is repeated,
#                         or has an odd value. The variables are empty when the file is read
#   has_parameters        whether the session has all that it needs of its own
#   name_disk             sets $disk to the kernel's name of the attached disk, or to the one that it is going
#                         to have; to nothing if that cannot be known. Exit status 0 if there is such a device now
#   is_disk_name          whether $disk is a name that its disks have
#   list_disk_programs    prints the names of the programs that it needs, besides those of every transport
#   find_disk_programs    finds their files; what is missing is named
#   load_disk_driver      loads the kernel's modules; what failed is named
#   connect_disk          one attempt to attach, of at most $ATTEMPT_SECONDS; exit status 124 when it has taken all of
#                         them. Sets $disk
#   check_connection      whether the attached disk works without any process; what is wrong is named
#   has_connection        whether the disk is there, or may come back by itself; for stiefel-keep-link, which sets $port
#                         to the port in four hexadecimal digits, and has no program but the shell
#   is_answered           whether the laptop answers, as far as the kernel can tell; for stiefel-keep-link, too
#   drop_connections      ends connections that are made again by themselves, and no others; for stiefel-keep-link,
#                         which has ss where the system has it, when the cable is out
#   release_disk [ending]
#                         gives the disk back, within 10 s. With "ending" the system ends, and the disk is mounted still
#   tell_how_to_look      prints a command that shows a user whether the server answers
#   prepare_disk          optional: what is to be done before the link is raised
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# load_transport NAME
load_transport() {
    case $1 in
    '' | *[!a-z0-9-]*) ;;
    *)
        if [ -r "$parts/disk-$1.sh" ]; then
            # shellcheck source=/dev/null
            . "$parts/disk-$1.sh"
            return 0
        fi
        ;;
    esac
    complain "The session has the transport \"$1\", which this system does not know; it knows$(list_transports)" "$SAME_DATE"
    return 1
}

list_transports() {
    for file in "$parts"/disk-*.sh; do
        file=${file##*/disk-}
        printf ' %s' "${file%.sh}"
    done
}

# find_disk: sets $disk to the kernel's name of the attached disk, as "attach" has written it down; else, where a user
# has attached it by hand, to the first that one of the transports finds
find_disk() {
    if read_state; then
        # What is there is looked at, even where the transport cannot give it back.
        load_transport "$transport" || :
        [ -e "$root/sys/class/block/$disk" ]
        return
    fi
    for name in $(list_transports); do
        load_transport "$name" && name_disk && return 0
    done
    return 1
}

# has_size: whether the session has the disk's size, of one that the laptop lends
has_size() {
    [ -n "$block_size" ] && [ -n "$disk_size" ]
}

# check_disk: whether what was attached is what the session promised
check_disk() {
    block=$root/sys/block/$disk
    has_size || {
        check_connection
        return
    }
    read -r sectors 2>/dev/null <"$block/size" || sectors=0
    read -r found 2>/dev/null <"$block/queue/logical_block_size" || found=0
    if [ "$((sectors * 512))" -ne "$disk_size" ] || [ "$found" -ne "$block_size" ]; then
        complain "The attached disk has $((sectors * 512)) bytes in blocks of $found, the session says $disk_size in blocks of $block_size"
        return 1
    fi
    check_connection
}

attach_disk() {
    load_disk_driver || return 1
    # Some 8 hours of retransmission instead of 15 minutes, after which the connection would be dropped and the disk
    # lost.
    set_kernel 255 net/ipv4/tcp_retries2
    # After a long cut the first packet comes at most so many ms after the cable is back, not two minutes: where the
    # kernel (6.15) has it. Less would end the 255 tries too early: with this they last 85 minutes.
    set_kernel 20000 net/ipv4/tcp_rto_max_ms

    say "Attaching the disk of $server_address port $port"
    left=$ATTACH_SECONDS
    tries=0
    until connect_disk; do
        # 124 is what timeout(1) returns when it ended the program.
        [ $? -eq 124 ] && left=$((left - ATTEMPT_SECONDS)) || left=$((left - 1))
        if [ "$left" -le 0 ]; then
            complain "The disk at $server_address port $port cannot be attached" \
                "does the laptop still show that it serves its disk?" \
                "can it be reached? ip address; ip neighbour; $(tell_how_to_look)"
            return 1
        fi
        say "Not attached, trying again for $left seconds"
        sleep 1
        # With two links of one MAC address and a carrier each, only one leads to the laptop.
        tries=$((tries + 1))
        if [ "$((tries % 3))" -eq 0 ] && find_other; then
            take_other && wait_until "$CARRIER_SECONDS" "a carrier on $card_name" has_carrier "$card_name" && add_addresses
        fi
    done
    pin_neighbour
    limit_lvm || complain "LVM cannot be limited to the laptop's disk"
    if ! check_disk; then
        release_disk
        return 1
    fi
    # The kernel reads the partition table when the device is opened next; an open that comes second waits for the
    # first. In a subshell: a redirection that fails for a special builtin ends the shell.
    if ! (: <"$root/dev/$disk"); then
        complain "The attached disk cannot be opened" "the end of dmesg says why"
        release_disk
        return 1
    fi
    udevadm settle --timeout="$UDEV_SECONDS"
}
