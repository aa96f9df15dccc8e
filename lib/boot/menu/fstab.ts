/** fstab(5), as far as it tells partitions and subvolumes apart. Pure. */

export interface Mount {
  readonly target: string;
  readonly uuid?: string;
  readonly label?: string;
  /** From the top of a btrfs: "/@". */
  readonly subvolume?: string;
}

export function readMounts(text: string): readonly Mount[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const [source = "", target, , options = ""] = line.split(/\s+/);
      if (target === undefined) return [];
      const subvolume = /(?:^|,)subvol=\/?([^,]+)/.exec(options)?.[1];
      return [{ target, ...readSource(source), ...subvolume === undefined ? {} : { subvolume: `/${subvolume}` } }];
    });
}

function readSource(source: string): Pick<Mount, "uuid" | "label"> {
  const match = /^(UUID|LABEL)="?([^"]+)"?$/.exec(source) ?? /^\/dev\/disk\/by-(uuid|label)\/(.+)$/.exec(source);
  if (match === null) return {};
  const [, kind = "", value = ""] = match;
  return kind.toUpperCase() === "UUID" ? { uuid: value } : { label: value };
}
