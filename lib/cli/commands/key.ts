/**
 * `key`: shows the shared key's fingerprint, makes a new key, carries one to another machine; keeps those of other
 * laptops beside it.
 */

import { dirname } from "node:path/posix";
import { commandToType } from "../../command_to_type.ts";
import { ExitCode, quoteCommand, StoppedByUser, UserError } from "../../errors.ts";
import { accessing, unlessRefused } from "../../file_access.ts";
import { AUTOKEXEC_KEY_PATH } from "../../formats/autokexec_settings.ts";
import { sameBytes } from "../../formats/bytes.ts";
import { readKey, readKeysBeside } from "../../key_file.ts";
import { formatKeyText, parseKeyText } from "../../key_text.ts";
import { isLaptopKeyName, LAPTOP_KEYS_MAX, laptopKeysFolder } from "../../laptop_keys.ts";
import { parseWrittenSticks, writtenSticksName } from "../../media/written_sticks.ts";
import { keyFingerprint, SHARED_KEY_BYTES } from "../../protocol/keys.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { sayOutcome } from "../outcome.ts";

export interface KeyOptions {
  readonly action: "show" | "new" | "export" | "import" | "forget";
  /** The key's own file. */
  readonly keyPath: string;
  readonly buildDirectory: string;
  /** Absolute path of the file with the key as text; absent: standard output, or a question. */
  readonly file?: string;
  /** Name of another laptop, whose key it is about. */
  readonly laptop?: string;
}

/** @throws {UserError} {StoppedByUser} */
export async function manageKey(system: System, ui: Ui, options: KeyOptions): Promise<void> {
  const { action, file, laptop } = options;
  if (file !== undefined && action !== "export" && action !== "import") throw wrongUse(`"key ${action}" takes no file`);
  if (action === "forget" && laptop === undefined) throw wrongUse('"key forget" takes --laptop NAME');
  if (laptop !== undefined && action !== "forget" && action !== "import") {
    throw wrongUse(`"key ${action}" takes no --laptop: it is about this computer's own key`);
  }
  if (laptop !== undefined && action === "import" && !isLaptopKeyName(laptop)) {
    throw wrongUse(`"${laptop}" is no name for a key: letters, digits, ".", "_" and "-", at most 64`);
  }
  switch (action) {
    case "show":
      return await showKey(system, ui, options);
    case "new":
      return await makeKey(system, ui, options);
    case "export":
      return await exportKey(system, ui, options);
    case "import":
      return laptop === undefined
        ? await importKey(system, ui, options)
        : await importLaptopKey(system, ui, { ...options, laptop });
    case "forget":
      return await forgetLaptopKey(system, ui, { ...options, laptop: laptop ?? "" });
  }
}

function wrongUse(message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage });
}

/** Fingerprints only: the key itself is never shown. */
async function showKey(system: System, ui: Ui, { keyPath }: KeyOptions): Promise<void> {
  const key = await readKey(system, keyPath);
  const own = await keyFingerprint(key);
  ui.result(`${own}  ${keyPath}`);
  for (const laptop of await readKeysBeside(system, { keyPath, own: key })) {
    ui.result(`${await keyFingerprint(laptop.key)}  ${laptopKeysFolder(keyPath)}/${laptop.name}`);
  }
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
const writeSticks = { command: commandToType("setup-client-usbdrive", { asRoot: true }) };

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
  const key = await obtainKey(system, ui, options);
  const before = await unlessMissing(system, options.keyPath);
  if (before !== undefined && before === await keyFingerprint(key)) {
    return ui.say(`${options.keyPath} is that key already.`);
  }
  await demandConsent(system, ui, options, "Put that key in place of");
  await replaceKey(system, ui, options, key);
}

/** From the file, or asked for. @throws {UserError} when it is none */
async function obtainKey(
  system: System,
  ui: Ui,
  { file }: Pick<KeyOptions, "file">,
): Promise<Uint8Array<ArrayBuffer>> {
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
  return read.key;
}

/** The stick that is written here starts a desktop from that laptop, too. No image and no laptop changes. */
async function importLaptopKey(
  system: System,
  ui: Ui,
  options: KeyOptions & { readonly laptop: string },
): Promise<void> {
  const { keyPath, laptop } = options;
  const key = await obtainKey(system, ui, options);
  const fingerprint = await keyFingerprint(key);
  const own = await system.lstat(keyPath) === undefined ? undefined : await readKey(system, keyPath);
  const others = await readKeysBeside(system, { keyPath, own });
  const path = `${laptopKeysFolder(keyPath)}/${laptop}`;
  const same = own !== undefined && sameBytes(own, key) ? keyPath : others.find((one) => sameBytes(one.key, key))?.name;
  if (same === laptop) return ui.say(`${path} is that key already.`);
  if (same !== undefined) {
    throw new UserError(`The key ${fingerprint} is here already: it is that of "${same}"`, {
      hints: [`A key of its own, on that laptop: ${commandToType("key", { arguments: "new" })}`],
    });
  }
  const before = others.find(({ name }) => name === laptop);
  if (before === undefined && others.length >= LAPTOP_KEYS_MAX) {
    throw new UserError(`There are ${others.length} keys of other laptops: a stick holds no more`, {
      hints: [`${commandToType("key", { arguments: "forget --laptop NAME" })} takes one away`],
    });
  }
  if (before !== undefined) {
    ui.say(`The laptop "${laptop}" has the key ${await keyFingerprint(before.key)} here. A stick gets one of each.`);
    if (!await ui.confirm(`Put ${fingerprint} in its place`)) throw new StoppedByUser("The key stays");
  }
  await accessing(system, { what: "The key", path, attempt: "written" }, async () => {
    await system.makeDirectory(laptopKeysFolder(keyPath), { mode: 0o700 });
    await system.writeFile(path, key, { mode: 0o600 });
  });
  ui.result(`${fingerprint}  ${path}`);
  sayOutcome(ui, {
    made: [],
    next: [{ ...writeSticks, why: `writes it onto each stick that shall start a desktop from ${laptop}, too` }],
  });
}

/** Desktops do not believe that laptop any more, once their stick is written; no other laptop is touched. */
async function forgetLaptopKey(
  system: System,
  ui: Ui,
  { keyPath, buildDirectory, laptop }: KeyOptions & { readonly laptop: string },
): Promise<void> {
  const folder = laptopKeysFolder(keyPath);
  const path = `${folder}/${laptop}`;
  // Broken keys are taken away by this, too: they are not read.
  const isThere = isLaptopKeyName(laptop) && await accessing(
        system,
        { what: "The key", path, attempt: "read" },
        () => system.lstat(path),
      ) !== undefined;
  if (!isThere) {
    const names = await system.stat(folder) === undefined ? [] : await system.readDirectory(folder);
    throw new UserError(`There is no key of a laptop "${laptop}"`, {
      hints: [names.length === 0 ? `"${folder}" has none` : `"${folder}" has: ${names.join(", ")}`],
    });
  }
  ui.say(
    `Sticks and clients that are made here will not believe "${laptop}" any more; other laptops stay as they are.`,
  );
  const sticks = await listSticks(system, buildDirectory);
  if (sticks.length > 0) ui.say("These sticks may have its key until they are written again:");
  for (const line of sticks) ui.say(`    ${line}`);
  if (!await ui.confirm(`Take the key of ${laptop} away`)) throw new StoppedByUser("The key stays");
  await accessing(system, { what: "The key", path, attempt: "written" }, () => system.removeOne(path));
  sayOutcome(ui, { made: [], next: [{ ...writeSticks, why: "takes it from each stick" }] });
  ui.say(
    `Who has a stick that is not written again, or a copy of it, can boot from "${laptop}" as long as that laptop has ` +
      `this key. There: ${commandToType("key", { arguments: "new" })}`,
  );
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
  return [
    ...await isAt(system, `${buildDirectory}/initrd`) ? [`the image in ${buildDirectory}`] : [],
    ...await isAt(system, AUTOKEXEC_KEY_PATH) ? ["this laptop, which listens to desktops with a key"] : [],
    ...await listSticks(system, buildDirectory),
    "laptops and sticks of other machines that have the same key",
  ];
}

async function listSticks(system: System, buildDirectory: string): Promise<readonly string[]> {
  const path = `${buildDirectory}/${writtenSticksName}`;
  const sticks = await isAt(system, path) ? parseWrittenSticks(await system.readText(path)) : [];
  return sticks.map(({ name }) => `the stick ${name}`);
}

async function isAt(system: System, path: string): Promise<boolean> {
  return await unlessRefused(system.stat(path), undefined) !== undefined;
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
      { ...writeSticks, why: "writes it onto each stick" },
    ],
  });
}
