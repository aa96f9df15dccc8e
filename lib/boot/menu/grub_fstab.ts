/** What fstab(5) on a root partition tells of the partition itself. Pure. */

export function readFstab(text: string): { readonly uuid?: string; readonly label?: string } {
  for (const line of text.split("\n")) {
    const [source = "", mountPoint] = line.trim().split(/\s+/);
    if (mountPoint !== "/") continue;
    const match = /^(UUID|LABEL)="?([^"]+)"?$/.exec(source) ?? /^\/dev\/disk\/by-(uuid|label)\/(.+)$/.exec(source);
    if (match === null) return {};
    const [, kind = "", value = ""] = match;
    return kind.toUpperCase() === "UUID" ? { uuid: value } : { label: value };
  }
  return {};
}
