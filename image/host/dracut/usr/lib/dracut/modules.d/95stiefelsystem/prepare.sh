#!/bin/sh
# Sourced by dracut's init where the initramfs has no systemd, when the root file system is mounted at $NEWROOT
# (dracut.bootup(7), "cleanup"). Lays rules for the system about to start into /run, if this boot has a session.

[ ! -e /stiefelsystem/session ] || /usr/lib/stiefelsystem/stiefel-attach prepare "$NEWROOT"
