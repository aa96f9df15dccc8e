#!/bin/sh
# A guest (try mode): what this desktop changes is in the laptop's memory, and thrown away when it shuts down. The
# laptop's kernel sees to that; here it is only told, and the system gets what no two machines may share. Sourced by
# stiefel-attach. Reads the session's $mode and $guest, $link_mac, $root and $state.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

TRY_MODE="TRY MODE: all that is changed here is thrown away when this computer shuts down"

# tell_mode: on every console, whatever is shown there later
tell_mode() {
    say "$TRY_MODE"
    [ ! -w "$root/dev/kmsg" ] || printf '<1>stiefelsystem: %s\n' "$TRY_MODE" >"$root/dev/kmsg"
}

# prepare_guest SYSTEM: nothing is written to the system's own files, which a person may want to look at or change
prepare_guest() {
    {
        printf '%s\n' "$TRY_MODE." "How much room for changes is left: stiefelsystem status"
    } | put /run/motd.d/stiefelsystem-try
    # agetty(8) shows it before the login.
    printf '%s\n\n' "$TRY_MODE" | put /run/issue.d/stiefelsystem-try.issue
    cover_host_name "$1"
    cover_machine_id "$1"
    [ ! -e "$1/usr/lib/systemd/systemd" ] || write_guest_units
}

# cover FILE SYSTEM PATH: a file of ROOT lies over one of the system until the next boot
cover() {
    [ -e "$2$3" ] || return 0
    mount -o bind "$root$1" "$2$3" || say "$3 of the laptop cannot be covered"
}

# cover_host_name SYSTEM: "laptop" is called "laptop-try" here, for the second guest "laptop-try-2"
cover_host_name() {
    name=''
    while read -r line; do
        case $line in
        '' | '#'*) ;;
        *) name=$line ;;
        esac
    done 2>/dev/null <"$1/etc/hostname"
    [ -n "$name" ] || name=stiefelsystem
    ours=-try
    [ "$guest" -eq 1 ] || ours=-try-$guest
    # The first part of a name with a domain; a part has at most 63 characters (RFC 1123 section 2.1).
    first=${name%%.*}
    domain=${name#"$first"}
    while [ "${#first}" -gt $((63 - ${#ours})) ]; do first=${first%?}; done
    new=$first$ours$domain
    echo "$new" | put /run/stiefelsystem/hostname
    # What has no such file takes the kernel's.
    [ ! -w "$root/proc/sys/kernel/hostname" ] || echo "$new" >"$root/proc/sys/kernel/hostname"
    cover /run/stiefelsystem/hostname "$1" /etc/hostname
    # A name that cannot be resolved makes programs wait (sudo).
    [ ! -r "$1/etc/hosts" ] || {
        while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done <"$1/etc/hosts"
        printf '127.0.1.1 %s %s\n' "$new" "$first$ours"
    } | put /run/stiefelsystem/hosts
    cover /run/stiefelsystem/hosts "$1" /etc/hosts
}

# cover_machine_id SYSTEM: made anew for each boot (machine-id(5)): a DHCP server gives two machines of one id one
# address
cover_machine_id() {
    read -r id 2>/dev/null <"$root/proc/sys/kernel/random/uuid" || return 0
    while :; do
        case $id in
        *-*) id=${id%%-*}${id#*-} ;;
        *) break ;;
        esac
    done
    echo "$id" | put /run/stiefelsystem/machine-id
    cover /run/stiefelsystem/machine-id "$1" /etc/machine-id
    # Where it is no link to the other one.
    [ -h "$1/var/lib/dbus/machine-id" ] || cover /run/stiefelsystem/machine-id "$1" /var/lib/dbus/machine-id
}

write_guest_units() {
    units=$root/run/systemd/system
    # The id above is for this boot, and need not be kept.
    : >"$units/systemd-machine-id-commit.service"
    # Keys of its own: a person who trusts the laptop's must not be told that a guest is the laptop. They are written to
    # the store, like everything.
    put /run/systemd/system/stiefel-host-keys.service <<-END
	[Unit]
	Description=Makes SSH host keys of this guest's own
	DefaultDependencies=no
	After=local-fs.target
	Before=ssh.service sshd.service ssh.socket sshd.socket sshd-keygen.target
	ConditionPathExistsGlob=/etc/ssh/ssh_host_*_key
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/sh -c 'rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /etc/ssh/ssh_host_*_key-cert.pub && exec ssh-keygen -A'
	END
    want sysinit stiefel-host-keys
    # Tells how full the store is. In memory, because nothing can be read from the disk when the store is full.
    own=/run/stiefelsystem/guest
    put /run/systemd/system/stiefel-guest.service <<-END
	[Unit]
	Description=Watches the room for what this guest changes
	ConditionPathExists=/usr/lib/stiefelsystem/stiefel-guest
	[Service]
	ExecStart=/usr/lib/stiefelsystem/stiefel-guest
	Environment=LC_ALL=C
	PrivateMounts=yes
	TemporaryFileSystem=$own:size=32m,mode=0700,nosuid
	OOMScoreAdjust=-1000
	Restart=on-failure
	RestartSec=10
	END
    want multi-user stiefel-guest
}
