/** When a laptop that serves runs on its battery: what to say, how often and how loud. Pure. */

export type Power =
  /** Also where there is no battery. */
  | { readonly kind: "mains" }
  /** `percent`: what is left of all batteries, their mean; undefined where none says. */
  | { readonly kind: "battery"; readonly percent: number | undefined };

/**
 * @param text the `uevent` files of all power supplies, one after the other
 *   (Documentation/ABI/testing/sysfs-class-power); batteries of mice and the like (`SCOPE=Device`) do not count
 */
export function parsePower(text: string): Power {
  const batteries = text.split(/^(?=DEVTYPE=power_supply$|POWER_SUPPLY_NAME=)/m).map(parseSupply)
    .filter(({ TYPE, SCOPE }) => TYPE === "Battery" && SCOPE !== "Device");
  if (!batteries.some(({ STATUS }) => STATUS === "Discharging")) return { kind: "mains" };
  const percents = batteries.map(({ CAPACITY }) => Number(CAPACITY)).filter(Number.isFinite);
  const sum = percents.reduce((total, percent) => total + percent, 0);
  return { kind: "battery", percent: percents.length === 0 ? undefined : Math.round(sum / percents.length) };
}

function parseSupply(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/^POWER_SUPPLY_(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]));
}

type Level = "mains" | "battery" | "low" | "critical";

/** What the server last reported. */
export interface BatteryMemory {
  readonly level: Level;
  readonly saidMs: number;
}

export const noBatteryMemory: BatteryMemory = { level: "mains", saidMs: -Infinity };

export interface BatteryWarning {
  readonly text: string;
  /** The tone of the console's bell; none for good news. */
  readonly beep?: { readonly hertz: number; readonly ms: number };
}

/**
 * Higher, longer and more often as it gets worse. The kernel's console beeps for less than two seconds or not at all
 * (setterm_command in its drivers/tty/vt/vt.c).
 */
const levels: Readonly<
  Record<Exclude<Level, "mains">, { readonly repeatMs: number; readonly hertz: number; readonly ms: number }>
> = {
  battery: { repeatMs: 10 * 60_000, hertz: 440, ms: 200 },
  low: { repeatMs: 2 * 60_000, hertz: 880, ms: 1_000 },
  critical: { repeatMs: 30_000, hertz: 1_320, ms: 1_900 },
};
const lowPercent = 20;
const criticalPercent = 7;
const order: readonly Level[] = ["mains", "battery", "low", "critical"];

/** Warns when it gets worse, and again after a while that is the shorter the worse it is. */
export function decideWarning(
  power: Power,
  memory: BatteryMemory,
  nowMs: number,
): { readonly memory: BatteryMemory; readonly warning?: BatteryWarning } {
  const level = levelOf(power);
  if (level === "mains") {
    const warning = { text: "On mains power again" };
    return { memory: noBatteryMemory, ...memory.level === "mains" ? {} : { warning } };
  }
  const { repeatMs, hertz, ms } = levels[level];
  const isWorse = order.indexOf(level) > order.indexOf(memory.level);
  if (!isWorse && nowMs - memory.saidMs < repeatMs) return { memory: { ...memory, level } };
  return { memory: { level, saidMs: nowMs }, warning: { text: describe(power, level), beep: { hertz, ms } } };
}

function levelOf(power: Power): Level {
  if (power.kind === "mains") return "mains";
  const percent = power.percent ?? 100;
  return percent <= criticalPercent ? "critical" : percent <= lowPercent ? "low" : "battery";
}

function describe(power: Power, level: Level): string {
  const left = power.kind === "mains" || power.percent === undefined ? "" : `, ${power.percent} % left`;
  const urgency = level === "critical"
    ? ": PLUG IT IN NOW, the desktop loses its disk when this machine stops"
    : level === "low"
    ? ": plug it in soon, the desktop loses its disk when this machine stops"
    : ": plug it in";
  return `${level === "battery" ? "" : "WARNING: "}This machine runs on its battery${left}${urgency}`;
}

/**
 * The bell of the Linux console with a tone (console_codes(4), "Linux Console Private CSI Sequences"); a plain bell
 * elsewhere.
 */
export function formatBell({ hertz, ms }: NonNullable<BatteryWarning["beep"]>): string {
  return `\x1b[10;${hertz}]\x1b[11;${ms}]\x07`;
}
