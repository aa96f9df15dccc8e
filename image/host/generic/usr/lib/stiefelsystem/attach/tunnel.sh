#!/bin/sh
# The tunnel to the laptop, for a session that has one: the disk's blocks go through it, encrypted. Sourced by
# stiefel-attach. Reads the session's $tunnel_name, $tunnel_address, $tunnel_mtu and $server_address, and $root, $ip and
# $modprobe. The desktop's agent has put two things beside the session file, in /stiefelsystem: the keys, tunnel.conf,
# which only `wg` reads, and then they are gone; and wg itself with its loader and library, so that the laptop need not
# have it.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

find_tunnel_programs() {
    [ -n "$tunnel_name" ] || return 0
    for file in wg ld.so libc.so.6; do
        [ ! -s "$root/stiefelsystem/$file" ] || continue
        complain "The session has a tunnel, and no $file for it" "build the image anew (create-initrd), and then the stick"
        return 1
    done
}

run_wg() {
    "$root/stiefelsystem/ld.so" --library-path "$root/stiefelsystem" "$root/stiefelsystem/wg" "$@"
}

# forget_keys FILE: writes over them where they lie, which is the page of a file in memory, before that is given back
forget_keys() {
    printf '%0512d' 0 1<>"$1"
    : >"$1"
}

# raise_tunnel: after the link; once, however often attaching is tried
raise_tunnel() {
    [ -n "$tunnel_name" ] || return 0
    keys=$root/stiefelsystem/tunnel.conf
    if [ ! -e "$root/sys/class/net/$tunnel_name" ]; then
        if ! "$modprobe" wireguard; then
            complain "The kernel module wireguard cannot be loaded" "does the laptop's initramfs hold it? rebuild it (setup-server)"
            return 1
        fi
        configure link add dev "$tunnel_name" type wireguard || return 1
    fi
    if [ -s "$keys" ]; then
        if ! run_wg setconf "$tunnel_name" "$keys"; then
            complain "WireGuard does not take the keys of the session"
            return 1
        fi
        forget_keys "$keys"
    elif [ ! -e "$keys" ]; then
        complain "The session has a tunnel, and no keys for it" "restart this desktop"
        return 1
    fi
    # As for the link: a service may have switched IPv6 off for new links.
    set_kernel 0 "net/ipv6/conf/$tunnel_name/disable_ipv6"
    configure -6 address replace "$tunnel_address" dev "$tunnel_name" nodad || return 1
    configure link set dev "$tunnel_name" mtu "$tunnel_mtu" up || return 1
    # In the table that is asked before all others, as the way to the laptop (link.sh).
    configure route replace "$server_address" dev "$tunnel_name" table local
}
