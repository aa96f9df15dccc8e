/** Which transport a session gets. Pure. */
import { engineTransport } from "../formats/engine.ts";
import { type TransportSetting, transportSettings } from "../protocol/session_groups.ts";
import { lendingTransports, type TransportName } from "./needs.ts";

export function isTransportSetting(text: string): text is TransportSetting {
  return transportSettings.some((name) => name === text);
}

/** What the initramfs of a laptop has that was set up before there was a choice. */
const former: readonly string[] = ["nbd"];

export interface TransportInputs {
  /** That of an engine where the settings have one, which then lends the disk. */
  readonly setting: TransportSetting | typeof engineTransport;
  /** What the laptop's initramfs for desktops was built with, as setup-server has noted it; undefined: it has not. */
  readonly laptop: readonly string[] | undefined;
  /** What the stick knows. */
  readonly client: readonly string[];
}

export type TransportDecision =
  /** @param why for people */
  | { readonly kind: "use"; readonly transport: TransportName; readonly why: string }
  | { readonly kind: "none"; readonly message: string };

export function chooseTransport({ setting, laptop = former, client }: TransportInputs): TransportDecision {
  const candidates: readonly TransportName[] = setting === "auto" ? lendingTransports : [setting];
  const lack = (name: TransportName): string | undefined =>
    !laptop.includes(name)
      ? "the laptop's initramfs for desktops was built without it"
      : !client.includes(name)
      ? "the stick does not know it"
      : undefined;
  const transport = candidates.find((name) => lack(name) === undefined);
  const missed = candidates.slice(0, transport === undefined ? undefined : candidates.indexOf(transport))
    .map((name) => `no ${name}: ${lack(name)}`);
  if (transport === undefined) {
    const advice = "run setup-server on the laptop, and write the stick again, with the same stiefelsystem";
    return { kind: "none", message: `The disk cannot be lent (${missed.join("; ")}): ${advice}` };
  }
  const why = setting !== "auto"
    ? [setting === engineTransport ? "block.engine" : "block.transport"]
    : missed.length === 0
    ? ["the laptop's initramfs for desktops has it"]
    : missed;
  return { kind: "use", transport, why: `by ${transport} (${why.join("; ")})` };
}
