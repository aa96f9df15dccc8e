/** A root shell on the laptop's second serial line, for tests: the image has none where its agent runs. */

import { archivePaddingBytes, buildCpio } from "../../lib/formats/cpio.ts";
import { encodeUtf8 } from "../../lib/formats/text.ts";
import { formatLoginFiles } from "../../lib/image/login_files.ts";
import { cleanConsoleText, type ConsoleLine } from "../../lib/qemu/console.ts";
import type { BootImage } from "../../lib/qemu/machine_pair.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { UserError } from "../../lib/errors.ts";
import type { System } from "../../lib/system/system.ts";
import type { ShellConsole } from "./console_shell.ts";

const shellSocket = "laptop-shell.sock";

/** The image with a shell on ttyS1: one more archive behind its initrd. @param directory for the file */
export async function addShell(system: System, image: BootImage, directory: string): Promise<BootImage> {
  const inittab = formatLoginFiles({ shell: "/bin/sh", isDebug: false, drivers: [] }).find(({ path }) =>
    path === "etc/inittab"
  );
  if (inittab === undefined) throw new TypeError("The image has no inittab");
  const content = encodeUtf8(`${inittab.content}ttyS1::respawn:/bin/sh\n`);
  const initrd = await system.readFile(image.initrdPath);
  const cpio = buildCpio([{ kind: "file", path: inittab.path, mode: inittab.mode, content }]);
  const initrdPath = `${directory}/initrd-with-shell`;
  await system.remove(initrdPath);
  using file = await system.openWrite(initrdPath, { mode: 0o600 });
  for (const bytes of [initrd, new Uint8Array(archivePaddingBytes(initrd.length)), cpio]) await file.write(bytes);
  return { ...image, initrdPath };
}

/** The machine with that second line. */
export function withShellLine(spec: VmSpec): VmSpec {
  const line = ["-chardev", `socket,id=shell,path=${shellSocket},server=on,wait=off`, "-serial", "chardev:shell"];
  return { ...spec, arguments: [...spec.arguments ?? [], ...line] };
}

/** That line, once the machine runs. */
export async function openShellLine(
  system: System,
  runDirectory: string,
): Promise<ShellConsole & AsyncDisposable> {
  const connection = await Deno.connect({ transport: "unix", path: `${runDirectory}/${shellSocket}` });
  const lines: ConsoleLine[] = [];
  const watchers = new Set<() => void>();
  const startMs = system.monotonicMs();
  const reading = (async (): Promise<void> => {
    let rest = "";
    for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
      const pieces = (rest + text).split("\n");
      rest = pieces.pop() ?? "";
      for (const piece of pieces) {
        lines.push({ atMs: system.monotonicMs() - startMs, text: cleanConsoleText(piece.replaceAll("\r", "")) });
      }
      for (const watcher of [...watchers]) watcher();
    }
  })().catch(() => {}); // the machine has ended
  const writer = connection.writable.getWriter();
  return {
    name: "laptop's shell",
    logPath: "no file",
    lines,
    type: (text) => void writer.write(encodeUtf8(text)).catch(() => {}),
    waitForLine: async (pattern, { timeoutMs, from = 0 }) => {
      const found = Promise.withResolvers<ConsoleLine>();
      const look = (): void => {
        const line = lines.slice(from).find(({ text }) => pattern.test(text));
        if (line !== undefined) found.resolve(line);
      };
      watchers.add(look);
      look();
      const noLimit = new AbortController();
      const late = system.delay(timeoutMs, noLimit.signal).then(() => {
        const last = lines.slice(-12).map(({ text }) => `  ${text}`).join("\n");
        throw new UserError(`The laptop's shell: no line matching ${pattern} came; its last lines:\n${last}`);
      });
      late.catch(() => {});
      try {
        return await Promise.race([found.promise, late]);
      } finally {
        watchers.delete(look);
        noLimit.abort();
      }
    },
    [Symbol.asyncDispose]: async () => {
      try {
        connection.close();
      } catch {
        // its stream has closed it
      }
      await reading;
    },
  };
}
