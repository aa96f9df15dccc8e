/**
 * The handover from end to end: the autokexec agent makes it, cpio(1) unpacks it as a kernel would, and the server
 * agent serves it to a desktop. The machine's disk is a file with nothing on it that could be started.
 */
import assert from "node:assert/strict";
import { HANDOVER_DIRECTORY } from "../../lib/formats/handover.ts";
import { archivePaddingBytes } from "../../lib/formats/cpio.ts";
import { createSite, type Site, startClient, startRealServer } from "./agents.ts";
import { startLaptop } from "./autokexec_rig.ts";
import { createRig, type Machine, type Rig, rigTest } from "./rig.ts";
import { layStandIns } from "./stand_ins.ts";

/** What the machine's disk is to `lsblk`; `mountPoint` is where its own system has it. */
function listDisk({ diskPath }: Site, mountPoint: string | null, tableUuid = "T1"): string {
  const common = { ro: false, rm: false, "log-sec": 512, size: 1024 * 1024, type: "disk", mountpoints: [mountPoint] };
  return JSON.stringify({ blockdevices: [{ ...common, name: "vda", path: diskPath, ptuuid: tableUuid }] });
}

/**
 * Lets the laptop's own system hand over what the site has to boot. @returns the directory with it, as the image has
 * it
 */
async function handOver(rig: Rig, site: Site): Promise<string> {
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const { directory } = laptop;
  await Deno.mkdir(`${directory}/own/boot`, { recursive: true });
  await Deno.mkdir(`${directory}/own/proc`);
  await Deno.writeTextFile(`${directory}/lsblk.json`, listDisk(site, "/"));
  const [kernel, ...initrd] = ["vmlinuz", "microcode.img", "initrd.img"].map((name) => `${site.bootPath}/${name}`);
  await Deno.writeTextFile(`${directory}/own/boot/stiefelsystem.json`, JSON.stringify({ kernel, initrd }));
  const commandLine = 'BOOT_IMAGE=/vmlinuz root=UUID=1234 quiet x="a b" initrd=\\initrd.img stiefel.x\n';
  await Deno.writeTextFile(`${directory}/own/proc/cmdline`, commandLine);
  const { agent, waitForLog } = await startLaptop(laptop, { keyPath: site.keyPath, countdownSeconds: 0 });
  await using _agent = agent;
  await agent.waitForLine(/^Waiting for a desktop/);
  await using _client = startClient(desktop, { site });
  await agent.waitForLine(/^Handed over to the image: this disk, the kernel command line and kernel and initramfs/);
  await waitForLog(/^systemctl kexec$/);
  assert.deepEqual([...Deno.readDirSync(`${directory}/join`)], [], "what was put together is gone");
  return await unpack(laptop);
}

/** As the kernel does, behind the image's own initrd. */
async function unpack({ directory }: Machine): Promise<string> {
  const image = `${directory}/image`;
  await Deno.mkdir(`${image}/etc/stiefelsystem`, { recursive: true });
  const initrd = await Deno.readFile(`${directory}/loaded-initrd`);
  const ownBytes = "initrd".length;
  assert.equal(new TextDecoder().decode(initrd.subarray(0, ownBytes)), "initrd");
  await Deno.writeFile(`${directory}/archive`, initrd.subarray(ownBytes + archivePaddingBytes(ownBytes)));
  const args = ["--extract", "--quiet", `--directory=${image}`, `--file=${directory}/archive`];
  const { success, stderr } = await new Deno.Command("cpio", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return `${image}${HANDOVER_DIRECTORY}`;
}

const programs = {
  lsblk: 'case $* in *--nodeps*) for path; do :; done; echo "$path" ;; *) exec /usr/bin/cat "$D/lsblk.json" ;; esac',
};

async function layImage(
  { directory }: Machine,
  lsblk: string,
): Promise<(argv: readonly string[]) => readonly string[]> {
  const place = `${directory}/programs`;
  const { wrap } = await layStandIns(place, programs);
  await Deno.writeTextFile(`${place}/lsblk.json`, lsblk);
  return wrap;
}

rigTest("a desktop boots what the laptop's own system hands over: nothing on the disk is looked for", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  const directory = await handOver(rig, site);
  const wrap = await layImage(laptop, listDisk(site, null));
  await using server = startRealServer(laptop, { site, wrap, args: ["--handover-dir", directory] });
  await server.waitForLine(/has handed over its disk, its kernel command line, kernel and initramfs for desktops/);
  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, [...client.lines, ...server.lines].join("\n"));
  assert.match(server.lines.join("\n"), /^Sending ".*" \(handed over by the laptop's own system\)$/m);
  assert.deepEqual(await Deno.readFile(`${desktop.directory}/run/kernel`), site.kernel);
  const initramfs = await Deno.readFile(`${desktop.directory}/run/initramfs`);
  assert.deepEqual(initramfs.subarray(0, site.initramfs.length), new Uint8Array(site.initramfs));
  assert.match(client.lines.join("\n"), /root=UUID=1234 quiet x="a b" init_on_free=1 noresume/);
  await server.waitForLine(/has all it needs and starts/);
  assert.deepEqual(
    [...Deno.readDirSync(directory)].map(({ name }) => name),
    ["handover.json"],
    "the rest is out of date",
  );
});

rigTest("a handover that is damaged, or of another disk, serves no desktop anything else", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const laptop = rig.machine("laptop");
  const directory = await handOver(rig, site);
  {
    const wrap = await layImage(laptop, listDisk(site, null, "OTHER"));
    await using server = startRealServer(laptop, { site, wrap, args: ["--handover-dir", directory] });
    await server.waitForLine(/^Cannot serve: The disk that this laptop ran from is not there: unknown model/);
  }
  await Deno.truncate(`${directory}/initramfs`, 1000);
  const wrap = await layImage(laptop, listDisk(site, null));
  await using server = startRealServer(laptop, { site, wrap, args: ["--handover-dir", directory] });
  await server.waitForLine(
    /The handover of this laptop's own system cannot be used \("initramfs" has 1000 bytes, wanted \d+\): the server reads its disk/,
  );
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/No kernel to start was found on/);
});
