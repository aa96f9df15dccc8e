/** Options of GRUB's commands. Pure. Source: GRUB, grub-core/lib/arg.c. */

export interface OptionTable {
  /** Long names by letter. */
  readonly short?: Readonly<Record<string, string>>;
  readonly withValue?: readonly string[];
  /** With a value or without. */
  readonly optional?: readonly string[];
  readonly without?: readonly string[];
  /** An option that is not in the table is an argument like any other; else it makes the command fail. */
  readonly acceptsDash?: boolean;
}

export interface Options {
  /** By long name; an option without a value has an empty list. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positional: readonly string[];
}

/** Options may stand between other arguments, up to "--". @returns undefined where GRUB refuses the arguments */
export function readOptions(args: readonly string[], table: OptionTable): Options | undefined {
  const values = new Map<string, readonly string[]>();
  const positional: string[] = [];
  const isMandatory = (name: string): boolean => table.withValue?.includes(name) ?? false;
  const takesValue = (name: string): boolean => isMandatory(name) || (table.optional?.includes(name) ?? false);
  /** @returns false when a value is missing, or is one too many */
  const add = (name: string, value: string | undefined): boolean => {
    if (value === undefined ? isMandatory(name) : !takesValue(name)) return false;
    values.set(name, [...values.get(name) ?? [], ...value === undefined ? [] : [value]]);
    return true;
  };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const next = args[at + 1];
    if (arg === "--") {
      positional.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg.length === 1) {
      positional.push(arg);
    } else if (arg.startsWith("--")) {
      const [, name = "", value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(arg) ?? [];
      if (!takesValue(name) && !table.without?.includes(name)) {
        if (!table.acceptsDash) return undefined;
        positional.push(arg);
        continue;
      }
      const takesNext = value === undefined && takesValue(name) && next?.startsWith("-") === false;
      if (!add(name, takesNext ? next : value)) return undefined;
      if (takesNext) at++;
    } else {
      const names = [...arg.slice(1)].map((letter) => table.short?.[letter]);
      const last = names.pop();
      if (last === undefined || names.includes(undefined)) {
        if (!table.acceptsDash) return undefined;
        positional.push(arg);
        continue;
      }
      if (!names.every((name) => add(name ?? "", undefined))) return undefined;
      const takesNext = takesValue(last) && next !== undefined && (isMandatory(last) || !/^-./.test(next));
      if (!add(last, takesNext ? next : undefined)) return undefined;
      if (takesNext) at++;
    }
  }
  return { values, positional };
}
