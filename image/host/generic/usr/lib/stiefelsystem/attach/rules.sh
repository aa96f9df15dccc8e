#!/bin/sh
# Rules for programs: what "attach" lays into /run, which moves into the system that starts later, and LVM's settings in
# this initramfs. Sourced by stiefel-attach. Reads the session, $disk, and what link.sh has found out ($via, $nodad,
# $server_mac).
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# leave_alone FILE MATCH...: networkd takes nothing from the links that match, and gives them nothing
leave_alone() {
    file=$1
    shift
    {
        printf '%s\n' '[Match]' "$@" '[Link]' Unmanaged=yes RequiredForOnline=no
        printf '%s\n' '[Network]' KeepConfiguration=yes DHCP=no IPv6AcceptRA=no
    } | put "/run/systemd/network/$file.network"
}

# write_link_rules: keeps other programs off the link, from its first moment, here and in the system that starts
# later (/run moves there). All match the MAC address of a real device: VLANs and bridges on top may carry the same one.
write_link_rules() {
    # Of .link and .network files that match the first one counts, by its name (strcmp(3)): "0--" comes before
    # "00-default" and "0-wired", where people give every link another MAC address or DHCP. Debian's
    # 73-usb-net-by-mac.link would rename a USB adapter again at the real system's coldplug.
    put /run/systemd/network/0--stiefelsystem.link <<-END
	[Match]
	MACAddress=$link_mac
	Type=ether
	Kind=!*
	[Link]
	Name=$card_name
	END
    leave_alone 0--stiefelsystem "MACAddress=$link_mac" Type=ether 'Kind=!*'
    [ -z "$tunnel_name" ] || leave_alone 0--stiefelsystem-tunnel "Name=$tunnel_name"
    # The udev rule also names an adapter that is plugged in later, so that it never gets another name in between.
    put /run/udev/rules.d/76-stiefelsystem.rules <<-END
	ACTION!="remove", SUBSYSTEM=="net", DRIVERS=="?*", ATTR{address}=="$link_mac", NAME:="$card_name", ENV{NM_UNMANAGED}="1"
	END
    [ -z "$vlan" ] || write_vlan_rules
    # Twice, because an administrator's own "unmanaged-devices=" replaces the first. The section has not the name of
    # that in /etc/NetworkManager/conf.d: it would be counted here, before all that is in /etc, and the last one that
    # matches wins.
    put /run/NetworkManager/conf.d/00-stiefelsystem.conf <<-END
	[keyfile]
	unmanaged-devices+=mac:$link_mac;interface-name:$link_name${tunnel_name:+;interface-name:$tunnel_name}
	[device-stiefelsystem-session]
	match-device=mac:$link_mac,interface-name:$link_name${tunnel_name:+,interface-name:$tunnel_name}
	managed=0
	END
}

# write_vlan_rules: the same for a VLAN on the card, which has the card's MAC address and no driver
write_vlan_rules() {
    put /run/systemd/network/0--stiefelsystem-vlan.link <<-END
	[Match]
	OriginalName=$link_name
	[Link]
	MACAddressPolicy=none
	END
    leave_alone 0--stiefelsystem-vlan "Name=$link_name"
    printf 'ACTION!="remove", SUBSYSTEM=="net", KERNEL=="%s", ENV{NM_UNMANAGED}="1"\n' "$link_name" \
        >>"$root/run/udev/rules.d/76-stiefelsystem.rules"
}

# write_state: tells that this system runs on a desktop from a network disk; holds no secret
write_state() {
    # How often it was down until now: what comes later is the cable's.
    read -r down_count 2>/dev/null <"$root/sys/class/net/$link_name/carrier_down_count" || down_count=0
    put /run/stiefelsystem/session.state <<-END
	STIEFEL_VERSION=1
	STIEFEL_ROLE=desktop
	STIEFEL_TRANSPORT=$transport
	STIEFEL_DISK=/dev/$disk
	STIEFEL_LINK_NAME=$link_name
	STIEFEL_LINK_MAC=$link_mac
	STIEFEL_LINK_DOWN_COUNT=$down_count
	STIEFEL_SERVER_ADDRESS=$server_address
	END
    # Of a disk that is not the laptop's, the laptop's own address is not known.
    ! has_size || echo "STIEFEL_STATUS_ADDRESS=${tunnel_endpoint:-$server_address}" >>"$state/session.state"
    echo "STIEFEL_END_KEY=${tunnel_key:--}" >>"$state/session.state"
    [ -z "$vlan" ] || echo "STIEFEL_LINK_CARD=$card_name" >>"$state/session.state"
    [ -z "$tunnel_name" ] || echo "STIEFEL_TUNNEL_NAME=$tunnel_name" >>"$state/session.state"
    # The port as /proc/net/tcp has it, to tell whether the disk's connections are there.
    printf '%04X\n' "$port" >"$state/link.port"
    # What gives the link back what was taken from it: input of \`ip -batch\`.
    {
        [ -z "$vlan" ] || printf '%s\n' "link add link $card_name name $link_name type vlan id $vlan" \
            "link set dev $link_name up"
        printf '%s\n' "address replace $client_address dev $link_name${nodad:-}"
    } | put /run/stiefelsystem/link.batch
    printf '%s' "$routes" >>"$state/link.batch"
    if [ -n "$tunnel_name" ]; then
        printf '%s\n' "address replace $tunnel_address dev $tunnel_name nodad" \
            "link set dev $tunnel_name up" "route replace $server_address dev $tunnel_name table local" >>"$state/link.batch"
    fi
    [ -z "$server_mac" ] ||
        echo "neighbour replace $far_end lladdr $server_mac dev $link_name nud permanent" >>"$state/link.batch"
}

write_system_rules() {
    # Suspend cuts the link under the root file system. This alone makes logind and systemctl refuse.
    # elogind has the same directories under its own name.
    for manager in systemd elogind; do
        put "/run/$manager/sleep.conf.d/zz-stiefelsystem.conf" <<-END
	[Sleep]
	AllowSuspend=no
	AllowHibernation=no
	AllowSuspendThenHibernate=no
	AllowHybridSleep=no
	END
    done
    # After every file of the disk: what an administrator set for the laptop's own links must not cut off this one.
    put /run/sysctl.d/zzz-stiefelsystem.conf <<-END
	net.ipv4.tcp_retries2 = 255
	-net.ipv4.tcp_rto_max_ms = 20000
	END
    case $client_address in
    *:*) echo "net.ipv6.conf.all.disable_ipv6 = 0" >>"$root/run/sysctl.d/zzz-stiefelsystem.conf" ;;
    esac
}

# LVM in the initramfs looks at the attached disk and at what is on it only: a volume group of the desktop may have the
# name of the laptop's, or be a copy of it. lvmlocal.conf counts for more than lvm.conf, and of a setting that is there
# twice the last (lvm.conf(5), tried with 2.03.31).
limit_lvm() {
    # Once for each name, however often attaching is tried. Where the name is not known yet, no disk is looked at.
    mark="# stiefelsystem: ${disk:-no disk} only"
    while IFS= read -r line; do
        [ "$line" != "$mark" ] || return 0
    done 2>/dev/null <"$root/etc/lvm/lvmlocal.conf"
    [ -d "$root/etc/lvm" ] || mkdir -p "$root/etc/lvm" || return 1
    only='"a|^/dev/(mapper/|dm-|md)|", "r|.*|"'
    only="[ ${disk:+\"a|^/dev/$disk(p[0-9]+)?\$|\", }$only ]"
    printf '\n%s\ndevices {\n\tuse_devicesfile = 0\n\tfilter = %s\n\tglobal_filter = %s\n}\n' "$mark" "$only" "$only" \
        >>"$root/etc/lvm/lvmlocal.conf"
}

# LVM's devices file names disks by hardware ids of the laptop. None of them exists here, so it would hide all physical
# volumes; without one, LVM looks at all disks. In the initramfs, which may hold a copy, it is put aside:
forget_lvm_devices() {
    for file in "$root"/etc/lvm/devices/*.devices; do
        [ ! -e "$file" ] || mv "$file" "$file.laptop"
    done
}
