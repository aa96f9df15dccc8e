#!/bin/sh
# The link to the laptop: finds its card by the MAC address, names and raises it, and a VLAN on it where the session has
# one, gives it the session's address and a way to the server. Sourced by stiefel-attach for "attach". Reads the
# session's $link_mac, $card_name, $vlan, $link_name, $client_address, $gateway, $mtu and $server_address, $ip and
# $modprobe. Sets $via, $nodad and $server_mac, which rules.sh writes down.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# wait_until SECONDS WHAT CONDITION [ARGUMENT...]
# Returns as soon as the condition holds. It is tried after every change of a link the kernel tells of, and once a
# second for what came before `ip monitor` listened.
wait_until() {
    seconds=$1
    what=$2
    shift 2
    "$@" && return 0
    say "Waiting for $what, at most $seconds seconds"
    events=$root/stiefelsystem/events
    [ -p "$events" ] || mkfifo "$events" || return 1
    "$ip" monitor link >"$events" 2>/dev/null &
    monitor=$!
    {
        while [ "$seconds" -gt 0 ]; do
            sleep 1
            seconds=$((seconds - 1))
            echo tick
        done
        echo end
    } >"$events" 2>/dev/null &
    clock=$!
    result=1
    while IFS= read -r event; do
        if "$@"; then
            result=0
            break
        fi
        [ "$event" = end ] && break
    done <"$events"
    kill "$monitor" "$clock" 2>/dev/null
    wait "$monitor" "$clock" 2>/dev/null
    return "$result"
}

# find_links: sets $links to the names of the physical links (they have a device) with the session's MAC address. More
# than one has it where a dock or an adapter takes over the address of the machine's own card.
find_links() {
    links=''
    for directory in "$root"/sys/class/net/*; do
        [ -e "$directory/device" ] || continue
        read -r address 2>/dev/null <"$directory/address" || continue
        [ "$address" != "$link_mac" ] || links="$links ${directory##*/}"
    done
    [ -n "$links" ]
}

# has_carrier LINK: reading "carrier" of a link that is down is an error, not a 0
has_carrier() {
    read -r carrier 2>/dev/null <"$root/sys/class/net/$1/carrier" && [ "$carrier" = 1 ]
}

# find_other: sets $other to another link with the session's MAC address that has a carrier; all of them are raised for
# that
find_other() {
    find_links || return 1
    for other in $links; do
        [ "$other" != "$card_name" ] || continue
        case " $raised " in
        *" $other "*) ;;
        *)
            raised="$raised $other"
            "$ip" link set dev "$other" addrgenmode none
            "$ip" link set dev "$other" up
            ;;
        esac
        ! has_carrier "$other" || return 0
    done
    other=''
    return 1
}

# find_carrier: the card has a carrier, or $other has one
find_carrier() {
    other=''
    has_carrier "$card_name" || find_other
}

list_links() {
    for directory in "$root"/sys/class/net/*; do
        [ -e "$directory/device" ] || continue
        read -r address 2>/dev/null <"$directory/address" || continue
        printf ' %s (%s)' "${directory##*/}" "$address"
    done
}

# configure ARGUMENT...: ip with these arguments; what failed is named
configure() {
    "$ip" "$@" && return 0
    complain "\"ip $*\" failed"
    return 1
}

# raise_link: finds the link, takes it, waits for its carrier, gives it the session's address and a way to the server
raise_link() {
    case $("$ip" -V 2>&1) in
    *iproute2*) ;;
    *)
        complain "The \"ip\" of this initramfs is not iproute2's" "is iproute2 installed on the laptop? rebuild it (setup-server)"
        return 1
        ;;
    esac
    write_link_rules || return 1
    udevadm control --reload
    if ! wait_until "$NIC_SECONDS" "the network adapter with address $link_mac" find_links; then
        complain "No network adapter with address $link_mac; there are:$(list_links)" \
            "is the adapter that found the laptop still plugged in?" \
            "does the laptop's initramfs hold its driver (and firmware)? rebuild it (setup-server)"
        return 1
    fi
    # udev may be about to rename the link itself: it must finish the events it has before we rename the link.
    udevadm settle --timeout="$UDEV_SECONDS"
    if ! find_links; then
        complain "The network adapter with address $link_mac went away"
        return 1
    fi
    raised=''
    # The one that udev has named already, else the first.
    case "$links " in
    *" $card_name "*) take_link "$card_name" || return 1 ;;
    *)
        link=${links# }
        take_link "${link%% *}" || return 1
        ;;
    esac
    if ! wait_until "$CARRIER_SECONDS" "a carrier on $card_name" find_carrier; then
        complain "No carrier on $card_name ($link_mac)" "is the cable plugged in at both ends, and the laptop awake?"
        return 1
    fi
    [ -z "$other" ] || take_other || return 1
    add_addresses
}

# take_other: another link with the same MAC address is the one to the laptop
take_other() {
    say "$other has the same address $link_mac, and a carrier: it is taken in place of the one before"
    if [ -z "$vlan" ]; then
        "$ip" address flush dev "$link_name"
    else
        "$ip" link delete dev "$link_name" 2>/dev/null
    fi
    "$ip" link set dev "$card_name" down
    configure link set dev "$card_name" name "${card_name}b" || return 1
    raised="$raised ${card_name}b"
    take_link "$other"
}

# take_link LINK: names and raises the card
take_link() {
    if [ "$1" != "$card_name" ]; then
        "$ip" link set dev "$1" down
        # The kernel tells udev of another name.
        configure link set dev "$1" name "$card_name" || return 1
    else
        tell_udev "$card_name"
    fi
    set_up "$card_name"
}

# tell_udev LINK: what udev knows of the link should say NM_UNMANAGED before NetworkManager reads it
tell_udev() {
    udevadm trigger --action=change "/sys/class/net/$1"
}

# add_vlan: makes the link on the card that was taken
add_vlan() {
    if [ ! -e "$root/sys/class/net/$link_name" ]; then
        "$modprobe" -q 8021q
        if ! configure link add link "$card_name" name "$link_name" type vlan id "$vlan"; then
            complain "There is no VLAN $vlan on $card_name" \
                "does the laptop's kernel have 8021q? rebuild the laptop's initramfs (setup-server)"
            return 1
        fi
    fi
    tell_udev "$link_name"
    set_up "$link_name"
}

# set_up LINK
set_up() {
    # Nothing but us configures the link: no router advertisements, no waiting for duplicate addresses, and the
    # addresses stay when something takes the link down.
    set_kernel 0 "net/ipv6/conf/$1/disable_ipv6" "net/ipv6/conf/$1/accept_ra" \
        "net/ipv6/conf/$1/accept_dad" "net/ipv6/conf/$1/dad_transmits"
    set_kernel 1 "net/ipv6/conf/$1/keep_addr_on_down"
    if [ -n "$mtu" ]; then
        "$ip" link set dev "$1" mtu "$mtu" || say "The adapter refuses an MTU of $mtu, going on without"
        # The driver here may be another one than that which found the laptop.
        read -r taken 2>/dev/null <"$root/sys/class/net/$1/mtu" || taken=$mtu
        [ "$taken" -ge "$mtu" ] || [ -z "$tunnel_mtu" ] || [ "$1" != "$link_name" ] ||
            tunnel_mtu=$((tunnel_mtu - mtu + taken))
    fi
    # IPsec is not for this link (ip-sysctl.rst, disable_policy and disable_xfrm).
    set_kernel 1 "net/ipv4/conf/$1/disable_policy" "net/ipv4/conf/$1/disable_xfrm" \
        "net/ipv6/conf/$1/disable_policy"
    configure link set dev "$1" up
}

add_addresses() {
    [ -z "$vlan" ] || add_vlan || return 1
    # The laptop on this link: what is encrypted goes there, or the disk's blocks as they are.
    far_end=${tunnel_endpoint:-$server_address}
    far_end=${far_end%%\%*}
    routes=''
    case $client_address in
    *:*)
        if [ ! -d "$root/proc/sys/net/ipv6" ]; then
            complain "The session's address $client_address needs IPv6, which this kernel has switched off" \
                "remove ipv6.disable=1 from the laptop's kernel command line"
            return 1
        fi
        # nodad: the address is ours by agreement, and usable at once
        nodad=' nodad'
        configure -6 address replace "$client_address" dev "$link_name" nodad || return 1
        ;;
    *) configure -4 address replace "$client_address" dev "$link_name" || return 1 ;;
    esac
    add_route "$far_end" || return 1
    # shellcheck disable=SC2086 # several words
    for place in $other_addresses; do
        add_route "$place" || return 1
    done
}

# add_route ADDRESS
add_route() {
    via=''
    # A route to the server alone: the default route belongs to the program that manages the other links.
    if [ -n "$gateway" ] && ! "$ip" route get "$1" oif "$link_name" >/dev/null 2>&1; then
        via="via $gateway onlink"
        configure route replace "$1" via "$gateway" dev "$link_name" onlink || return 1
        routes="${routes}route replace $1 $via dev $link_name
"
    fi
    # The same in the table that is asked before all others: rules of a VPN (Tailscale's exit node, wg-quick) come after
    # it, whatever their number, and the disk's traffic never enters a tunnel. A rule of our own would not do: one that
    # is added without a number goes before it.
    # shellcheck disable=SC2086 # $via is none, or several words
    "$ip" route replace "$1" $via dev "$link_name" table local ||
        say "Rules for routes will count for the disk, too: a VPN may cut it off"
    routes="${routes}route replace $1${via:+ $via} dev $link_name table local
"
}

# pin_neighbour: makes the server's link address permanent, so that the kernel asks for it no more: a stranger cannot
# forge the answer, and a firewall cannot block the question. For a server on the link itself; the answer to the first
# packet is there by now.
pin_neighbour() {
    server_mac=''
    [ -z "$via$moves" ] || return 0
    # 2001:db8::1 lladdr 02:00:5e:10:00:01 REACHABLE
    for word in $("$ip" neighbour show to "$far_end" dev "$link_name" 2>/dev/null); do
        ! is_mac "$word" || server_mac=$word
    done
    [ -z "$server_mac" ] ||
        "$ip" neighbour replace "$far_end" lladdr "$server_mac" dev "$link_name" nud permanent
    return 0
}
