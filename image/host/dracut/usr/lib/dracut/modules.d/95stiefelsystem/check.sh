#!/bin/sh
# Sourced by dracut's init where the initramfs has no systemd, when the root file system has been found and nothing is
# mounted yet (dracut.bootup(7), "pre-mount"), before any other hook. Goes on only if the laptop is not hibernated, if
# this boot has a session.

# emergency_shell is dracut's.
until [ ! -e /stiefelsystem/session ] || /usr/lib/stiefelsystem/stiefel-check; do
    emergency_shell -n stiefelsystem "This laptop cannot be started here, see above; nothing is mounted, switch this machine off"
done
