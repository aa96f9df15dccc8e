#!/bin/sh
# What "prepare" lays into /run and over files for the system about to start, when its root file system is mounted.
# Sourced by stiefel-attach. Reads the session, $root and $disk, and of the disk /etc/stiefelsystem/laptop.
# shellcheck disable=SC2034,SC2154 # variables that the other files set and read

# write_unit_rules SYSTEM: not earlier than "prepare", because programs take /run/systemd/system as the sign that
# systemd runs
write_unit_rules() {
    units=$root/run/systemd/system
    conditions='systemd-cryptsetup@ systemd-makefs@ systemd-mkswap@'
    # Nearly all file systems are named by UUID. Asking costs a program for each, while a desktop starts.
    ! has_device_names "$1" || conditions="$conditions systemd-fsck@"
    # All at once: a program costs more than what it does here.
    set -- "$units/sysinit.target.d" "$units/multi-user.target.d" "$units/swap.d" "$units/dev-zram0.swap.d" \
        "$units/dev-zram1.swap.d" "$root/run/motd.d" "$state/programs"
    for unit in $conditions; do
        set -- "$@" "$units/$unit.service.d"
    done
    mkdir -p "$@" || return 1
    # A unit without content is masked, as one that is a link to /dev/null (systemd.unit(5)). zfs-import-scan would
    # import all pools of the desktop's disks, systemd-pstore would move what the desktop's firmware has kept of
    # crashes.
    for unit in sleep.target suspend.target hibernate.target hybrid-sleep.target suspend-then-hibernate.target \
        zfs-import-scan.service systemd-pstore.service; do
        : >"$units/$unit"
    done
    # Gives the link back what a program takes from it (a VPN that switches IPv6 off). systemd mounts with fewer
    # processes than a script could.
    own=/run/stiefelsystem/keep-link
    put /run/systemd/system/stiefel-keep-link.service <<-END
	[Unit]
	Description=Keeps the link to the laptop's disk as it is
	ConditionPathExists=/usr/lib/stiefelsystem/stiefel-keep-link
	DefaultDependencies=no
	IgnoreOnIsolate=yes
	[Service]
	ExecStart=/usr/lib/stiefelsystem/stiefel-keep-link
	PrivateMounts=yes
	TemporaryFileSystem=$own:size=64m,mode=0700,nosuid
	BindPaths=/proc:$own/proc:norbind /dev/null:$own/dev/null -/dev/console:$own/dev/console -/dev/kmsg:$own/dev/kmsg
	BindReadOnlyPaths=/sys:$own/sys:norbind
	OOMScoreAdjust=-1000
	Restart=on-failure
	RestartSec=30
	END
    want sysinit stiefel-keep-link
    # Shuts down in order when a person at the laptop asks for it. It and the next two wait until the system is idle,
    # and leave the processor to others: a person who logs in meanwhile comes first.
    put /run/systemd/system/stiefel-end.service <<-END
	[Unit]
	Description=Shuts this desktop down when its laptop asks for it
	After=multi-user.target
	ConditionPathExists=/usr/lib/stiefelsystem/stiefel-end
	[Service]
	Type=idle
	ExecStart=/usr/lib/stiefelsystem/stiefel-end
	Nice=10
	Restart=on-failure
	RestartSec=60
	END
    # A network of the desktop's own: a desktop that starts waits for no network of ours.
    put /run/systemd/system/stiefel-network.service <<-END
	[Unit]
	Description=Gives this desktop a network of its own on the cable to the laptop
	ConditionPathExists=/usr/lib/stiefelsystem/stiefel-network
	DefaultDependencies=no
	IgnoreOnIsolate=yes
	After=multi-user.target
	[Service]
	Type=idle
	ExecStart=/usr/lib/stiefelsystem/stiefel-network
	Nice=10
	Restart=on-failure
	RestartSec=60
	END
    keep_programs
    # Sleep is switched off (rules.sh); this says why: systemctl, and dialogs that list locks.
    put /run/systemd/system/stiefel-awake.service <<-END
	[Unit]
	Description=Says why this desktop does not sleep
	After=dbus.socket systemd-logind.service multi-user.target
	ConditionPathExists=/run/dbus/system_bus_socket
	[Service]
	Type=idle
	ExecStart=systemd-inhibit --what=sleep --mode=block --who=Stiefelsystem "--why=This system runs from the disk of a laptop, which sleeping would cut off" sleep infinity
	Nice=10
	Restart=on-failure
	RestartSec=60
	END
    want multi-user stiefel-end
    want multi-user stiefel-awake
    want multi-user stiefel-network
    # Swap on the network disk can deadlock when memory is short: sending a page away takes memory for the network.
    # The same file name under a narrower name leaves compressed memory in use.
    put /run/systemd/system/swap.d/50-stiefelsystem.conf <<-END
	[Unit]
	ConditionPathExists=/run/stiefelsystem/allow-swap
	END
    # Names of the laptop's disks are here names of the desktop's, and none of those is made a swap, a file system or
    # whatever.
    for unit in $conditions; do
        case $unit in
        systemd-cryptsetup@) question='mapping %I' ;;
        systemd-fsck@) question='named %f' ;;
        *) question='attached %f' ;;
        esac
        printf '[Service]\nExecCondition=/usr/lib/stiefelsystem/stiefel-disk %s\n' "$question" \
            >"$units/$unit.service.d/50-stiefelsystem.conf"
    done
    for device in dev-zram0 dev-zram1; do
        : >"$units/$device.swap.d/50-stiefelsystem.conf"
    done
}

# has_device_names SYSTEM: whether its fstab may name a device by what kind of disk it is, or where it is plugged in.
# Which name does, stiefel-disk decides (is_local_name): here all that look like it count.
has_device_names() {
    while read -r device _ || [ -n "$device" ]; do
        case $device in
        /dev/mapper/* | /dev/disk/by-uuid/*) ;;
        /dev/*) return 0 ;;
        esac
    done 2>/dev/null <"$1/etc/fstab"
    return 1
}

# want TARGET UNIT: a service of ours starts with a target. By a file, not by a link, which would take a program.
want() {
    put "/run/systemd/system/$1.target.d/$2.conf" <<-END
	[Unit]
	Wants=$2.service
	END
}

# keep_programs: what stiefel-network starts, out of the initramfs that goes away
keep_programs() {
    [ -s "$root/stiefelsystem/busybox" ] || return 0
    for name in busybox ld.so libc.so.6 libresolv.so.2; do
        dd bs=65536 if="$root/stiefelsystem/$name" of="$state/programs/$name" 2>/dev/null
    done
}

# write_message: what people read when they log in: pam_motd(8) reads /run/motd.d. Where the laptop shows its state
# (STATUS_PORT in lib/formats/status.ts): on the link, also when the disk's blocks go through a tunnel.
write_message() {
    has_size || return 0
    host=${tunnel_endpoint:-$server_address}
    case $host in
    # A browser takes no address of a link alone.
    *%*) where='"stiefelsystem status"' ;;
    *:*) where="http://[$host]:4645/" ;;
    *) where="http://$host:4645/" ;;
    esac
    put /run/motd.d/stiefelsystem <<-END
	This system runs from the disk of a laptop, whose state is shown at $where
	END
}

# On the disk it stays as it is, and an empty directory is laid over it until the next boot.
cover_lvm_devices() {
    [ -d "$1/etc/lvm/devices" ] || return 0
    mkdir -p "$root/run/stiefelsystem/lvm-devices"
    mount -o bind "$root/run/stiefelsystem/lvm-devices" "$1/etc/lvm/devices"
}

# write_disk_rules SYSTEM: for udev of the system about to start. Of two devices with one UUID or label the laptop's
# gets the name; names by model and slot that the laptop's disk has there are here, too; and what is on the desktop's
# own disks does not come up by itself.
write_disk_rules() {
    ours="${disk:+$disk|${disk}p*|}dm-*|md*"
    {
        printf '%s\n' 'SUBSYSTEM!="block", GOTO="stiefelsystem_end"' "KERNEL==\"$ours\", OPTIONS+=\"link_priority=200\""
        [ ! -r "$1/etc/stiefelsystem/laptop" ] || while IFS= read -r line; do
            case $line in
            *[!A-Za-z0-9=\ /:._+-]*) ;;
            "LINK=0 disk/"*) printf 'KERNEL=="%s", SYMLINK+="%s"\n' "$disk" "${line#LINK=0 }" ;;
            "LINK="[1-9]*" disk/"*)
                line=${line#LINK=}
                printf 'KERNEL=="%sp%s", SYMLINK+="%s"\n' "$disk" "${line%% *}" "${line#* }"
                ;;
            esac
        done <"$1/etc/stiefelsystem/laptop"
        printf '%s\n' "KERNEL!=\"$ours\", ENV{ID_FS_USAGE}==\"raid\", ENV{ID_FS_TYPE}=\"\"" \
            'LABEL="stiefelsystem_end"'
    } | put /run/udev/rules.d/62-stiefelsystem-disks.rules
}

# cover_efi_variables: an empty directory lies over the desktop's firmware variables. Programs take that for a machine
# without any, and go on (grub-install, bootctl); with read-only ones they would fail in the middle of an update.
cover_efi_variables() {
    [ -d "$root/sys/firmware/efi/efivars" ] || return 0
    mount -t tmpfs -o ro,nosuid,nodev,noexec,size=4k stiefelsystem "$root/sys/firmware/efi/efivars" ||
        say "The firmware variables of this machine are not protected"
}

# cover_command_line SYSTEM: what is installed for the laptop's own boot takes the kernel command line of the system
# that runs (kernel-install(8), ukify(1), dracut). A desktop's lacks some words, and has two more (forDesktop in
# lib/formats/kernel_command_line.ts).
cover_command_line() {
    read -r parameters 2>/dev/null <"$root/proc/cmdline" || return 0
    own='' also=''
    for word in $parameters; do
        case $word in
        noresume | init_on_free=1) ;;
        *) own="$own${own:+ }$word" ;;
        esac
    done
    [ ! -r "$1/etc/stiefelsystem/laptop" ] || while IFS= read -r line; do
        case $line in
        "WORD="*) also="$also ${line#WORD=}" ;;
        esac
    done <"$1/etc/stiefelsystem/laptop"
    # After "--" come words for init.
    case $own in
    *" -- "*) own="${own%%" -- "*}$also -- ${own#*" -- "}" ;;
    *) own=$own$also ;;
    esac
    printf '%s\n' "$own" | put /run/stiefelsystem/cmdline
    mount -o bind "$root/run/stiefelsystem/cmdline" "$root/proc/cmdline" || say "Boot entries that are made now may get the words noresume and init_on_free=1, which are for desktops"
}

# Debian's script of udev first tells udevd to end. When udevd ends before udevadm has said all it has to say, the
# script ends, too ("Failed to wait for daemon to reply: Broken pipe", seen with systemd 257.13), and no init finds its
# console. It leaves a link behind when it has moved /dev.
move_dev() {
    [ ! -h "$root/dev" ] || return 0
    say "udev has not moved /dev into the laptop's system; it is moved now"
    mount -n -o move "$root/dev" "$1/dev" || mount -n --move "$root/dev" "$1/dev" || return 1
    mv "$root/dev" "$root/dev.below" && ln -s "$1/dev" "$root/dev"
}
