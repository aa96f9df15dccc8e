/** The kernel parameters of the image, as people read about them. Data. */
import { CLIENT_TIMEOUT_MAX_SECONDS, type StiefelParameters } from "../formats/kernel_command_line.ts";

export interface KernelParameterDescription {
  readonly name: string;
  /** As in "ADDRESS"; absent for a parameter without a value. */
  readonly value?: string;
  readonly meaning: string;
}

const ofAgents: Readonly<Record<keyof StiefelParameters, KernelParameterDescription>> = {
  role: { name: "stiefel.role", value: "server|client", meaning: "Which agent runs. It has to be there." },
  server: {
    name: "stiefel.server",
    value: "ADDRESS",
    meaning:
      "Desktop: where the laptop is, or its name, in place of asking on the links. An address comes by DHCP, if any does.",
  },
  laptop: {
    name: "stiefel.laptop",
    value: "NAME",
    meaning: "Desktop: the laptop that is taken when several answer. `setup-client-usbdrive --laptop` writes it.",
  },
  mode: {
    name: "stiefel.mode",
    value: "write|try",
    meaning:
      "Desktop: `try` throws away in the end what it changes, in place of `block.mode`. The stick's menu has it.",
  },
  stick: {
    name: "stiefel.stick",
    value: "UUID",
    meaning: "Desktop: the partition of the stick that is kept for a second boot. `setup-client-usbdrive` writes it.",
  },
  mtu: {
    name: "stiefel.mtu",
    value: "BYTES",
    meaning: "What network cards are set to at most, 9000 otherwise: 1500 where jumbo frames make trouble.",
  },
  listen: {
    name: "stiefel.listen",
    value: "ADDRESS",
    meaning: "Laptop: an address on which it listens as well; `dhcp`: each that a DHCP server gives it.",
  },
  onEnd: {
    name: "stiefel.on_end",
    value: "reboot|poweroff|wait",
    meaning: "Laptop: what it does when the desktop has gone, in place of `server.on-end`.",
  },
  clientTimeoutSeconds: {
    name: "stiefel.client_timeout",
    value: "SECONDS",
    meaning: `Laptop: the same happens after so long without a desktop; 0 (never) to ${CLIENT_TIMEOUT_MAX_SECONDS}.`,
  },
  isDebug: { name: "stiefel.debug", meaning: "More output, and all messages of the kernel." },
};

export const kernelParameters: readonly KernelParameterDescription[] = [
  ...Object.values(ofAgents),
  // read by image/initrd/usr/lib/stiefelsystem/supervise-agent
  {
    name: "stiefel.rescue",
    meaning: "A shell in place of the agent, in an image with the module `debug`; it asks for root's password.",
  },
];
