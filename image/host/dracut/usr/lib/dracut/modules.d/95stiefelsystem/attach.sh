#!/bin/sh
# Sourced again and again by the main loop of dracut's initqueue where the initramfs has no systemd (dracut.bootup(7)),
# until the root file system is there: udev has done what there was to do. Attaches the laptop's disk if this boot has a
# session.

if [ -e /stiefelsystem/session ] && [ ! -e /run/stiefelsystem/session.state ]; then
    # emergency_shell is dracut's. What its shell can repair is tried again when it is left.
    /usr/lib/stiefelsystem/stiefel-attach attach ||
        emergency_shell -n stiefelsystem "The laptop's disk is not attached; leave this shell to try again"
fi
