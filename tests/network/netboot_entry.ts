/**
 * Starting desktops over the network, and nothing else of the server agent. Arguments: DIRECTORY of the boot loaders,
 * INITRD, WORK-DIRECTORY, MAC-ADDRESS of each link that is chosen.
 */
import { fileURLToPath } from "node:url";
import { Netboot } from "../../agents/server/netboot/netboot.ts";
import { createConsole } from "../../agents/shared/console.ts";
import { runOnLinks } from "../../agents/shared/links.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";

const [directory = "", initrd = "", workDirectory = "", ...macs] = Deno.args;
const real = createRealSystem();
/** In the image busybox' programs have names of their own. */
const system: System = {
  ...real,
  spawn: (argv, options) => real.spawn(argv[0] === "udhcpc" ? ["busybox", ...argv] : argv, options),
};
const terminal = {
  write: (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(text)),
  canRedraw: false,
};
const console = createConsole({ terminal, monotonicMs: () => performance.now() });
const over = new AbortController();
Deno.addSignalListener("SIGTERM", () => over.abort());
const netboot = new Netboot({
  system,
  console,
  macs,
  workDirectory,
  directory,
  dhcpScript: fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/dhcp-address", import.meta.url)),
  cutInitrd: () => Promise.resolve(initrd),
});
await Promise.all([
  netboot.run(over.signal),
  runOnLinks({
    system,
    console,
    signal: over.signal,
    work: async (link, signal) => {
      await netboot.serveLink(link, signal);
      // One that was not chosen is left alone until it goes.
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
  }),
]);
