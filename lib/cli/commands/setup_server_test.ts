import assert from "node:assert/strict";
import { createScriptedUi, snapshot } from "../../../tests/support/host_rig.ts";
import { createMadeUpLaptop } from "../../../tests/support/made_up_laptop.ts";
import { createRealSystem } from "../../system/real.ts";
import { projectRoot } from "../../../tests/support/source_tree.ts";
import { hashText } from "../../hash.ts";
import { readOverlay } from "../../host/overlay.ts";
import { setupServer } from "./setup_server.ts";
import { undoSetup } from "./undo_setup.ts";

const yes = () => createScriptedUi(new Array<"yes">(99).fill("yes"));

Deno.test("a laptop that was set up before stiefel-attach had parts gets them, a new initramfs, and undo takes all of it", async () => {
  const { system, setup } = await createMadeUpLaptop();
  const built = (): number => system.ran.filter((argv) => argv.includes("build")).length;
  // What the user's own files are is not the point.
  const withoutProject = (): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(snapshot(system)).filter(([path]) => !path.startsWith("/home/me/")));
  const before = withoutProject();
  await setupServer(system, yes(), setup);
  assert.equal(built(), 1);

  const generic = await readOverlay(createRealSystem(), `${projectRoot}image/host/generic`);
  const parts = generic.filter(({ path }) => /\/(attach|needs)/.test(path)).map(({ path }) => path);
  assert.ok(parts.length > 8);
  for (const { path, text, mode } of generic) {
    await system.writeFile(`${setup.hostFilesDirectory}/generic${path}`, text, { mode });
  }
  await setupServer(system, yes(), setup);
  assert.equal(built(), 2);
  for (const { path, text } of generic) assert.equal(await system.readText(path), text, path);

  await undoSetup(system, yes());
  assert.deepEqual(withoutProject(), before);
});

Deno.test("setup-server refuses where programs of its only transport are missing, and names what installs them", async () => {
  const { system, setup } = await createMadeUpLaptop();
  await system.remove("/usr/sbin/nbd-client");
  await assert.rejects(setupServer(system, yes(), setup), (error: Error & { hints?: readonly string[] }) => {
    assert.match(error.message, /^Programs are missing: nbd-client$/);
    assert.deepEqual(error.hints, ["Install them first: apt-get install nbd-client"]);
    return true;
  });
});

Deno.test("setup-server refuses where a program of every initramfs is missing", async () => {
  const { system, setup } = await createMadeUpLaptop();
  for (const name of ["timeout", "ip"]) await system.remove(`/usr/sbin/${name}`);
  await assert.rejects(setupServer(system, yes(), setup), { message: "Programs are missing: ip, timeout" });
});

Deno.test("setup-server warns when the disk is to be encrypted and desktops cannot", async () => {
  for (const hasModule of [false, true]) {
    const { system, setup } = await createMadeUpLaptop();
    if (!hasModule) {
      const [release = ""] = await system.readDirectory("/usr/lib/modules");
      await system.writeFile(`/usr/lib/modules/${release}/modules.dep`, "kernel/drivers/block/nbd.ko.xz:\n");
    }
    const said: string[] = [];
    const ui = { ...yes(), warn: (text: string) => void said.push(text) };
    await setupServer(system, ui, { ...setup, dryRun: true });
    const warned = said.some((text) =>
      /will attach the disk unencrypted: the kernel has no module wireguard$/.test(text)
    );
    assert.equal(warned, !hasModule, said.join("\n"));
  }
});

Deno.test("setup-server refuses an image for another processor, or of two builds, and takes one of an earlier version", async () => {
  const { system, setup } = await createMadeUpLaptop();
  const describe = async (name: string): Promise<{ readonly sizeBytes: number; readonly sha256: string }> => {
    const bytes = await system.readFile(`${setup.buildDirectory}/${name}`);
    return { sizeBytes: bytes.length, sha256: hashText(bytes) };
  };
  const [kernel, initrd] = [await describe("kernel"), await describe("initrd")];
  const manifest = { kernel, initrd: { ...initrd, holdsSecret: true }, isDebug: false, parts: [] };
  const write = (text: string): Promise<void> => system.writeFile(`${setup.buildDirectory}/manifest.json`, text);
  await write(JSON.stringify({ architecture: "arm64", ...manifest }));
  await assert.rejects(setupServer(system, yes(), setup), /is for arm64, and this machine's processor is amd64/);
  await write(JSON.stringify({ ...manifest, kernel: initrd }));
  await assert.rejects(setupServer(system, yes(), setup), /manifest\.json do not belong together/);
  await write(JSON.stringify(manifest));
  await setupServer(system, yes(), setup);
});
