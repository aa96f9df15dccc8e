/** `key`: shows the shared key's fingerprint, makes a new key, carries one to another machine. */

import { dirname } from "node:path/posix";
import { commandToType } from "../../command_to_type.ts";
import { ExitCode, quoteCommand, StoppedByUser, UserError } from "../../errors.ts";
import { accessing, unlessRefused } from "../../file_access.ts";
import { AUTOKEXEC_KEY_PATH } from "../../formats/autokexec_settings.ts";
import { readKey } from "../../key_file.ts";
import { formatKeyText, parseKeyText } from "../../key_text.ts";
import { parseWrittenSticks, writtenSticksName } from "../../media/written_sticks.ts";
import { keyFingerprint, SHARED_KEY_BYTES } from "../../protocol/keys.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { sayOutcome } from "../outcome.ts";

export interface KeyOptions {
  readonly action: "show" | "new" | "export" | "import";
  /** The key's own file. */
  readonly keyPath: string;
  readonly buildDirectory: string;
  /** Absolute path of the file with the key as text; absent: standard output, or a question. */
  readonly file?: string;
}

/** @throws {UserError} {StoppedByUser} */
export async function manageKey(system: System, ui: Ui, options: KeyOptions): Promise<void> {
  const { action, file } = options;
  if (file !== undefined && (action === "show" || action === "new")) {
    throw new UserError(`"key ${action}" takes no file`, { exitCode: ExitCode.usage });
  }
  switch (action) {
    case "show":
      return await showKey(system, ui, options);
    case "new":
      return await makeKey(system, ui, options);
    case "export":
      return await exportKey(system, ui, options);
    case "import":
      return await importKey(system, ui, options);
  }
}

/** Fingerprints only: the key itself is never shown. */
async function showKey(system: System, ui: Ui, { keyPath }: KeyOptions): Promise<void> {
  const own = await keyFingerprint(await readKey(system, keyPath));
  ui.result(`${own}  ${keyPath}`);
  if (keyPath === AUTOKEXEC_KEY_PATH || await unlessRefused(system.stat(AUTOKEXEC_KEY_PATH), undefined) === undefined) {
    return;
  }
  const laptops = await unlessRefused(system.readFile(AUTOKEXEC_KEY_PATH), undefined);
  if (laptops === undefined) return ui.say("The key that this laptop listens to may be read by root only.");
  const listens = await keyFingerprint(laptops);
  ui.result(`${listens}  ${AUTOKEXEC_KEY_PATH} (this laptop listens to it)`);
  if (listens !== own) {
    ui.warn(`They differ: sticks with the first do not start this laptop until ${setUp} has run`);
  }
}

const setUp = commandToType("setup-server", { asRoot: true });

async function makeKey(system: System, ui: Ui, options: KeyOptions): Promise<void> {
  await demandConsent(system, ui, options, "Make a new key in place of");
  await replaceKey(system, ui, options, system.randomBytes(SHARED_KEY_BYTES));
}

async function exportKey(system: System, ui: Ui, { keyPath, file }: KeyOptions): Promise<void> {
  const key = await readKey(system, keyPath);
  const text = await formatKeyText(key);
  if (file === undefined) {
    ui.warn("Everyone who sees the next line can boot from your laptop.");
    return ui.result(text);
  }
  const isNew = await accessing(
    system,
    { what: "The file for the key", path: file, attempt: "made" },
    () => system.createFile(file, `${text}\n`, { mode: 0o600 }),
  );
  if (!isNew) throw new UserError(`"${file}" is there already`, { hints: ["Name another file, or remove it"] });
  ui.say(`Wrote the key ${await keyFingerprint(key)} as text to ${file}, for its owner only.`);
  ui.say(`On the other machine: ${commandToType("key", { arguments: quoteCommand(["import", file]) })}`);
}

async function importKey(system: System, ui: Ui, options: KeyOptions): Promise<void> {
  const { file } = options;
  const text = file === undefined
    ? await ui.askSecret("The key, as the other machine's key export shows it")
    : await accessing(system, { what: "The key", path: file, attempt: "read" }, () => system.readText(file));
  const read = await parseKeyText(text);
  if ("problem" in read) {
    throw new UserError(`The key ${read.problem}`, {
      hints: [`On the machine that has it: ${commandToType("key", { arguments: "export" })}`],
      exitCode: ExitCode.usage,
    });
  }
  const before = await unlessMissing(system, options.keyPath);
  if (before !== undefined && before === await keyFingerprint(read.key)) {
    return ui.say(`${options.keyPath} is that key already.`);
  }
  await demandConsent(system, ui, options, "Put that key in place of");
  await replaceKey(system, ui, options, read.key);
}

/** The fingerprint of the key that is there; undefined when there is none. */
async function unlessMissing(system: System, path: string): Promise<string | undefined> {
  if (await system.lstat(path) === undefined) return undefined;
  return await keyFingerprint(await readKey(system, path));
}

/** Tells what the present key is in, and asks. Where there is none, nothing is lost. */
async function demandConsent(
  system: System,
  ui: Ui,
  { keyPath, buildDirectory }: KeyOptions,
  what: string,
): Promise<void> {
  if (await system.lstat(keyPath) === undefined) return;
  const before = await unlessMissing(system, keyPath);
  ui.say(`The key ${before} is lost unless it was exported. Until they are made again, these do not fit any more:`);
  for (const line of await listHolders(system, buildDirectory)) ui.say(`    ${line}`);
  if (!await ui.confirm(`${what} ${before}`)) throw new StoppedByUser(`The key stays ${before}`);
}

async function listHolders(system: System, buildDirectory: string): Promise<readonly string[]> {
  const at = async (path: string): Promise<boolean> => await unlessRefused(system.stat(path), undefined) !== undefined;
  const sticksPath = `${buildDirectory}/${writtenSticksName}`;
  const sticks = await at(sticksPath) ? parseWrittenSticks(await system.readText(sticksPath)) : [];
  return [
    ...await at(`${buildDirectory}/initrd`) ? [`the image in ${buildDirectory}`] : [],
    ...await at(AUTOKEXEC_KEY_PATH) ? ["this laptop, which listens to desktops with a key"] : [],
    ...sticks.map(({ name }) => `the stick ${name}`),
    "laptops and sticks of other machines that have the same key",
  ];
}

async function replaceKey(system: System, ui: Ui, { keyPath }: KeyOptions, key: Uint8Array): Promise<void> {
  await accessing(system, { what: "The shared key", path: keyPath, attempt: "written" }, async () => {
    await system.makeDirectory(dirname(keyPath));
    await system.writeFile(keyPath, key, { mode: 0o600 });
  });
  ui.result(`${await keyFingerprint(key)}  ${keyPath}`);
  sayOutcome(ui, {
    made: [],
    next: [
      { command: commandToType("create-initrd"), why: "builds the image with it" },
      { command: setUp, why: "has this laptop listen to it" },
      { command: commandToType("setup-client-usbdrive", { asRoot: true }), why: "writes it onto each stick" },
    ],
  });
}
