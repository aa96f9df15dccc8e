/**
 * The keys of the image's console: names of keymaps, as hosts and `initrd.keymap` write them, to layouts of XKB. Pure.
 *
 * Only XKB's layouts are used: Debian has no others that are kept up to date. A console keymap of kbd (`KEYMAP=` of
 * vconsole.conf(5)) is taken as the layout with the same keys.
 */

/** What the kernel has by itself: no keymap is made for it. */
export const kernelKeymap = "us";

/** Layouts of xkeyboard-config(7), one or several to switch between. */
export interface Keymap {
  readonly layouts: readonly { readonly name: string; readonly variant?: string }[];
  readonly options: readonly string[];
}

/** A keymap's longest name. */
export const keymapNameMaxLength = 200;
const layout = /^([a-z][a-z0-9_]*)(?:\(([A-Za-z0-9_-]+)\))?$/;
const option = /^[a-z][a-z0-9_]*:[A-Za-z0-9_-]+$/;

/**
 * @param name "de", "de(nodeadkeys)", "us,ru(phonetic)+grp:alt_shift_toggle" (as in XKB), or a keymap of kbd:
 *   "de-latin1"
 * @returns undefined when it has neither form
 */
export function parseKeymap(name: string): Keymap | undefined {
  if (name.length > keymapNameMaxLength) return undefined;
  return parseLayouts(consoleKeymaps.get(name) ?? name) ?? parseConsoleName(name);
}

function parseLayouts(text: string): Keymap | undefined {
  const [layouts = "", options, ...more] = text.split("+");
  const parts = layouts.split(",").map((part) => layout.exec(part));
  const optionNames = options === undefined ? [] : options.split(",");
  if (more.length > 0 || !optionNames.every((part) => option.test(part))) return undefined;
  const found = parts.flatMap((part) => {
    const [, name, variant] = part ?? [];
    return name === undefined ? [] : [{ name, ...variant === undefined ? {} : { variant } }];
  });
  return found.length === parts.length ? { layouts: found, options: optionNames } : undefined;
}

/** Names of kbd: LAYOUT-CHARSET-VARIANT; those of Fedora, which are made of XKB's: LAYOUT-VARIANT. */
function parseConsoleName(name: string): Keymap | undefined {
  const [, first = "", rest = ""] = /^([a-z]+)((?:[-_][A-Za-z0-9_-]+)?)$/.exec(name) ?? [];
  if (first === "") return undefined;
  const variant = rest.replace(/^[-_](lat(in)?-?[0-9]+|utf-?8?)(?=-|$)/i, "").replace(/^-/, "");
  return parseLayouts(`${consoleKeymaps.get(first) ?? first}${variant === "" ? "" : `(${variant})`}`);
}

/** How one switches to letters of another script and back. */
const switched = "+grp:alt_shift_toggle";

/** Keymaps of kbd whose name is not that of XKB's layout. */
const consoleKeymaps: ReadonlyMap<string, string> = new Map(Object.entries({
  "bg_bds-utf8": `us,bg${switched}`,
  "bg_pho-utf8": `us,bg(phonetic)${switched}`,
  bone: "de(bone)",
  "br-abnt2": "br",
  by: `us,by${switched}`,
  cf: "ca",
  colemak: "us(colemak)",
  croat: "hr",
  "cz-lat2": "cz(qwerty)",
  "cz-qwertz": "cz",
  "cz-us-qwertz": `us,cz${switched}`,
  "de_CH-latin1": "ch",
  "de_alt_UTF-8": "de",
  dvorak: "us(dvorak)",
  "dvorak-l": "us(dvorak-l)",
  "dvorak-programmer": "us(dvp)",
  "dvorak-r": "us(dvorak-r)",
  et: "ee",
  "et-nodeadkeys": "ee(nodeadkeys)",
  "fr-bepo": "fr(bepo)",
  "fr_CH": "ch(fr)",
  "fr_CH-latin1": "ch(fr)",
  gr: `us,gr${switched}`,
  "gr-pc": `us,gr${switched}`,
  hebrew: `us,il${switched}`,
  hu101: "hu(qwerty)",
  il: `us,il${switched}`,
  it2: "it",
  jp106: "jp",
  ko: "kr",
  la: "latam",
  "mk-utf": `us,mk${switched}`,
  neo: "de(neo)",
  pl2: "pl",
  pl4: "pl",
  ru: `us,ru${switched}`,
  "ruwin_alt-UTF-8": `us,ru${switched}`,
  ro_std: "ro(std)",
  sg: "ch",
  "sk-prog-qwerty": "sk(qwerty)",
  "sk-prog-qwertz": "sk",
  "sk-qwertz": "sk",
  slovene: "si",
  "sr-cy": `us,rs${switched}`,
  "sr-latin": "rs(latin)",
  sv: "se",
  trf: "tr(f)",
  trq: "tr",
  ua: `us,ua${switched}`,
  "ua-utf": `us,ua${switched}`,
  uk: "gb",
  "us-acentos": "us(intl)",
}));

/** Files of a host that say what its keys are. */
export interface KeymapFiles {
  /** /etc/vconsole.conf, vconsole.conf(5). */
  readonly vconsole?: string;
  /** /etc/default/keyboard, keyboard(5) of Debian. */
  readonly keyboard?: string;
  /** /etc/conf.d/keymaps of OpenRC. */
  readonly openrc?: string;
}

/** @returns a name for {@link parseKeymap}, as the host writes it; undefined when no file names one */
export function detectKeymap({ vconsole = "", keyboard = "", openrc = "" }: KeymapFiles): string | undefined {
  const names = [
    readAssignments(vconsole).get("KEYMAP"),
    joinLayouts(readAssignments(vconsole)), // Debian makes it a link to its own file
    joinLayouts(readAssignments(keyboard)),
    readAssignments(openrc).get("keymap"),
  ];
  // systemd's vconsole.conf(5): "@kernel" leaves the kernel's own
  return names.find((name) => name !== undefined && name !== "" && name !== "@kernel");
}

function joinLayouts(fields: ReadonlyMap<string, string>): string | undefined {
  const words = (key: string): string[] => (fields.get(key) ?? "").split(",").map((word) => word.trim());
  const variants = words("XKBVARIANT");
  const layouts = words("XKBLAYOUT").map((name, index) => {
    const variant = variants[index] ?? "";
    return variant === "" ? name : `${name}(${variant})`;
  });
  if (layouts[0] === "") return undefined;
  const options = words("XKBOPTIONS").filter((word) => word !== "");
  // A single layout has nothing to switch to.
  const useful = layouts.length > 1 ? options : options.filter((word) => !word.startsWith("grp:"));
  return layouts.join(",") + (useful.length === 0 ? "" : `+${useful.join(",")}`);
}

/** Shell-like assignments, one a line, with or without quotes; a comment may follow. */
function readAssignments(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").flatMap((line) => {
    const [, name, double, single, bare] =
      /^\s*(?:export\s+)?(\w+)=(?:"([^"]*)"|'([^']*)'|([^\s#"']*))\s*(?:#.*)?$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, double ?? single ?? bare ?? ""] as const];
  });
  return new Map(lines);
}
