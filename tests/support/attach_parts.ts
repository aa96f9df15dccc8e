/** What stiefel-attach consists of: names of `attach/NAME.sh`, in the order in which the hooks take them. */
export const attachParts: readonly string[] = [
  ...["basics", "session", "link", "tunnel", "disk", "nvme", "rules", "prepare", "guest"],
  ...["disk-nvme-tcp", "disk-nbd", "disk-nvme-engine"],
];
