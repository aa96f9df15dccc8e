import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import {
  type BlockDisk,
  createBlockDisk,
  makeSampleStick,
  sampleBuilt,
  sampleRecord,
  splitBlocks,
} from "../../tests/support/sample_stick.ts";
import { concatenate } from "../formats/bytes.ts";
import { parseCpio } from "../formats/cpio.ts";
import type { NamedFingerprint } from "../laptop_keys.ts";
import { planPlace } from "../second_boot/plan_place.ts";
import { readFat, readStored } from "../fat/read_fat.ts";
import { planFat } from "../fat/geometry.ts";
import { readCoreSector } from "./grub_boot_code.ts";
import { composeFiles } from "./stick_image.ts";
import { addLaptopKeys, type BuiltStick } from "./stick_parts.ts";
import { planUpdate, readStick, type StickState, type StickWrite } from "./update_stick.ts";
import {
  formatStickRecord,
  keysOf,
  listSilenced,
  nextStickRecord,
  parseStickRecord,
  type StickRecord,
} from "./stick_record.ts";

const old = sampleBuilt(1);
const sizeBytes = makeSampleStick(old).layout.sizeBytes;

/** What each firmware would start: paths in the menus, and the content of what they name. */
async function startsWith(disk: BlockDisk): Promise<string> {
  const state = await readState(disk);
  const read = async (path: string): Promise<Uint8Array> => {
    const file = state.fat.files.get(path.replace(/^\//, ""));
    assert.ok(file !== undefined, `"${path}" is not there`);
    return await readStored(disk.readAt, state.fat.geometry, file);
  };
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await read(path));
  const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const loader = await text("loader/loader.conf");
  const entry = await text(`loader/entries/${/^default (\S+)$/m.exec(loader)?.[1]}`);
  const grub = await text("boot/grub/grub.cfg");
  const named = {
    uefi: [...entry.matchAll(/^(?:linux|initrd) (\S+)$/gm)].map(([, path = ""]) => path),
    bios: (/^ {2}linux (\S+) .*\n {2}initrd (.*)$/m.exec(grub) ?? []).slice(1).flatMap((words) => words.split(" ")),
  };
  assert.deepEqual(named.bios, named.uefi, "both menus start the same files");
  assert.ok(named.bios.length === 4 || named.bios.length === 5);
  const loaders = ["EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi"];
  const all = [...loaders, ...named.bios];
  return (await Promise.all(all.map(async (path) => `${path} ${hash(await read(path))}`))).join("\n");
}

async function readState(disk: BlockDisk): Promise<StickState> {
  const state = await readStick(disk.readAt, { sizeBytes });
  if ("reason" in state) assert.fail(state.reason);
  return state;
}

/** The core image that the boot sector names, whole and with the place where its rest is. */
async function biosCore(disk: BlockDisk, cores: readonly Uint8Array[]): Promise<number> {
  const sector = readCoreSector(await disk.readAt(0, 512));
  const found = await Promise.all(cores.map(async (core) => {
    const stored = Uint8Array.from(await disk.readAt(sector * 512, core.length));
    const rest = Number(new DataView(stored.buffer).getBigUint64(500, true));
    const isWhole = stored.every((byte, index) => byte === core[index] || (index >= 500 && index < 508));
    return isWhole && rest === sector + 1;
  }));
  assert.ok(found.includes(true), "the boot sector names a whole core image");
  return found.indexOf(true);
}

interface Change {
  readonly built: BuiltStick;
  readonly record?: StickRecord;
}

async function plan(disk: BlockDisk, { built, record = sampleRecord }: Change): Promise<ReturnType<typeof planUpdate>> {
  return planUpdate(await readState(disk), { built, record, files: composeFiles(built, record) });
}

function update(result: ReturnType<typeof planUpdate>): Extract<typeof result, { kind: "update" }> {
  if (result.kind !== "update") assert.fail(result.kind);
  return result;
}

function renewPart<Built extends BuiltStick>(built: Built, name: string, bytes: Uint8Array): Built {
  return { ...built, initrds: built.initrds.map((part) => part.name === name ? { name, bytes } : part) };
}

const random = createSeededRandom(7);
const changes: Readonly<Record<string, typeof old>> = {
  "the key": renewPart(old, "key.img", random.bytes(1_200)),
  "the keys of other laptops": addLaptopKeys(old, [{ name: "bell", key: random.bytes(32) }]),
  "the agents": renewPart(old, "agents.img", random.bytes(40_000)),
  "the agents, which become smaller": renewPart(old, "agents.img", random.bytes(10)),
  "the kernel": { ...old, kernel: random.bytes(50_000) },
  "boot loaders for UEFI": { ...old, secondStage: random.bytes(9_000), shim: random.bytes(4_097) },
  "the boot loader for BIOS": { ...old, grubCore: random.bytes(25_000), grubBoot: random.bytes(512) },
  "the menu": { ...old, isDebug: true },
  "everything": sampleBuilt(2),
};

Deno.test("a stick that becomes one for arm64 is not started by a BIOS any more", async () => {
  const { grubBoot: _boot, grubCore: _core, ...parts } = old;
  const built = { ...parts, architecture: "arm64" } as const;
  const disk = makeSampleStick(old).disk;
  const there = update(await plan(disk, { built }));
  assert.equal(there.leaves, "amd64");
  for (const write of there.groups.flat()) disk.write(write);
  assert.ok((await disk.readAt(0, 440)).every((byte) => byte === 0));
  assert.equal((await plan(disk, { built })).kind, "current");
  // And back.
  const back = update(await plan(disk, { built: old }));
  assert.equal(back.leaves, "arm64");
  for (const write of back.groups.flat()) disk.write(write);
  await biosCore(disk, [old.grubCore]);
  assert.equal((await plan(disk, { built: old })).kind, "current");
});

for (const [what, built] of Object.entries(changes)) {
  Deno.test(`an update of ${what} that is cut off at any block leaves a stick that starts, the old way or the new`, async () => {
    const before = makeSampleStick(old).disk;
    const goal = makeSampleStick(built).disk;
    const ways = [await startsWith(before), await startsWith(goal)];
    const { groups } = update(await plan(before, { built }));
    // As planned, and in another order that a device may choose between two flushes.
    for (let order = 0; order < 2; order++) {
      const writes = groups.flatMap((group) => {
        const blocks = group.flatMap(splitBlocks);
        return order === 0 ? blocks : shuffle(blocks);
      });
      const disk = before.copy();
      const seen = new Set<number>();
      let isNew = 0;
      for (let cut = 0; cut <= writes.length; cut++) {
        if (cut > 0) disk.write(writes[cut - 1] ?? assert.fail());
        const way = ways.indexOf(await startsWith(disk));
        assert.ok(way >= 0, `after ${cut} of ${writes.length} writes it starts something else`);
        if (way < isNew) assert.fail("it starts the old way again");
        if (ways[0] !== ways[1]) isNew = way;
        seen.add(way);
        await biosCore(disk, [old.grubCore, built.grubCore]);
      }
      assert.equal(await startsWith(disk), ways[1]);
      assert.equal(await biosCore(disk, [built.grubCore]), 0);
      assert.equal((await plan(disk, { built })).kind, "current");
      if (ways[0] !== ways[1]) assert.deepEqual([...seen], [0, 1]);
      await assertNothingLost(disk);
    }
  });
}

Deno.test("an update that was cut off at any block is completed by the next one, also by one to something else", async () => {
  const before = makeSampleStick(old).disk;
  const built = sampleBuilt(2);
  const writes = update(await plan(before, { built })).groups.flat().flatMap(splitBlocks);
  const disk = before.copy();
  const goals = [built, sampleBuilt(3), old];
  for (const [cut, write] of writes.entries()) {
    disk.write(write);
    const goal = goals[cut % goals.length] ?? assert.fail();
    const again = disk.copy();
    const next = await plan(again, { built: goal });
    if (next.kind === "update") next.groups.flat().forEach((one) => again.write(one));
    assert.equal(await startsWith(again), await startsWith(makeSampleStick(goal).disk));
    await assertNothingLost(again);
  }
});

Deno.test("an update that is written in the wrong order is noticed by these tests", async () => {
  const before = makeSampleStick(old).disk;
  const built = sampleBuilt(2);
  const ways = [await startsWith(before), await startsWith(makeSampleStick(built).disk)];
  const writes = update(await plan(before, { built })).groups.toReversed().flat().flatMap(splitBlocks);
  const disk = before.copy();
  const broken: number[] = [];
  for (const [index, write] of writes.entries()) {
    disk.write(write);
    const way = await startsWith(disk).catch(() => "nothing");
    if (!ways.includes(way)) broken.push(index);
  }
  assert.ok(broken.length > 10, `${broken.length} of ${writes.length} cuts leave a broken stick`);
});

Deno.test("a new key or new agents write less than 2 MB, whatever the size of the rest", async () => {
  const large = sampleBuilt(1, {
    kernel: random.bytes(2_000_000),
    initrds: [
      { name: "base.img", bytes: random.bytes(9_000_000) },
      { name: "agents.img", bytes: random.bytes(80_000) },
      { name: "key.img", bytes: random.bytes(1_000) },
    ],
  });
  const { disk } = makeSampleStick(large);
  for (const [part, size] of [["agents.img", 90_000], ["key.img", 1_000]] as const) {
    const { writtenBytes, changed } = update(await plan(disk, { built: renewPart(large, part, random.bytes(size)) }));
    assert.deepEqual(changed, [`stiefel/${part}`]);
    assert.ok(writtenBytes < 300_000, `${writtenBytes}`);
  }
});

Deno.test("with a new key the update lists the laptops that will not answer any more", async () => {
  const { disk } = makeSampleStick(old);
  const [state, fingerprint] = [await readState(disk), "fedc-ba98-7654-3210"];
  const renewed = (laptopName?: string): StickRecord =>
    nextStickRecord(state.record, { keyFingerprint: fingerprint, ...laptopName === undefined ? {} : { laptopName } });
  const built = changes["the key"] ?? assert.fail();
  const other = update(await plan(disk, { built, record: renewed() }));
  assert.deepEqual([other.silenced, other.hasNewKey], [["vaio"], true]);
  const same = update(await plan(disk, { built, record: renewed("vaio") }));
  assert.deepEqual([same.silenced, same.hasNewKey], [[], true]);
  const kept = update(await plan(disk, { built }));
  assert.deepEqual([kept.silenced, kept.hasNewKey], [[], false]);
});

Deno.test("with several keys the update names exactly the laptops whose keys go", () => {
  const print = (digit: string): string => Array(4).fill(digit.repeat(4)).join("-");
  const key = (name: string, digit: string): NamedFingerprint => ({ name, keyFingerprint: print(digit) });
  const [own, bell, clara] = [print("0"), key("bell", "1"), key("clara", "2")];
  const before = nextStickRecord(undefined, { keyFingerprint: own, keys: [bell, clara], laptopName: "vaio" });
  assert.deepEqual(parseStickRecord(new TextEncoder().encode(formatStickRecord(before))), before);
  type Now = Parameters<typeof nextStickRecord>[1];
  const cases: readonly (readonly [what: string, now: Now, silenced: readonly string[]])[] = [
    ["all stay", { keyFingerprint: own, keys: [clara, bell] }, []],
    ["one is forgotten", { keyFingerprint: own, keys: [clara] }, ["bell"]],
    ["all but the own one are", { keyFingerprint: own }, ["bell", "clara"]],
    ["the own one is another", { keyFingerprint: print("9"), keys: [bell, clara] }, ["vaio"]],
    ["the laptop has it already", { keyFingerprint: print("9"), keys: [bell, clara], laptopName: "vaio" }, []],
    ["a laptop has a new key, which is here", { keyFingerprint: own, keys: [key("bell", "7"), clara] }, []],
    ["a key is called otherwise", { keyFingerprint: own, keys: [key("old-bell", "1"), clara] }, []],
    ["another laptop writes it, with the key of this one", {
      ...{ keyFingerprint: print("1"), laptopName: "bell" },
      keys: [key("vaio", "0"), clara],
    }, []],
    ["another laptop writes it, without", { keyFingerprint: print("1"), laptopName: "bell" }, ["vaio", "clara"]],
    ["nothing is left", { keyFingerprint: print("9") }, ["vaio", "bell", "clara"]],
  ];
  for (const [what, now, silenced] of cases) {
    assert.deepEqual(listSilenced(before, nextStickRecord(before, now)), silenced, what);
  }
  assert.equal(keysOf(before).size, 3);
});

Deno.test("keys of other laptops come and go by an update, in a file of their own", async () => {
  // Not the seeds of what was built.
  const key = (seed: number): Uint8Array<ArrayBuffer> => createSeededRandom(100 + seed).bytes(32);
  const names = async (disk: BlockDisk): Promise<readonly string[]> => {
    const loader = (await readState(disk)).contents.get("loader/entries/1-laptop.conf");
    return [...new TextDecoder().decode(loader).matchAll(/^initrd \/stiefel\/(\S+)$/gm)].map(([, name = ""]) => name);
  };
  const { disk } = makeSampleStick(old);
  const both = addLaptopKeys(old, [{ name: "bell", key: key(1) }, { name: "clara", key: key(2) }]);
  const one = addLaptopKeys(old, [{ name: "clara", key: key(2) }]);
  const steps: readonly (readonly [BuiltStick, files: number, keys: readonly number[]])[] = [
    [both, 4, [1, 2]],
    [one, 4, [2]],
    [old, 3, []],
  ];
  for (const [built, files, keys] of steps) {
    const planned = update(await plan(disk, { built }));
    const menus = ["loader/entries/1-laptop.conf", "loader/entries/2-safe-graphics.conf", "loader/entries/3-try.conf"];
    const isOnlyKeys = (path: string): boolean =>
      path === "stiefel/keys.img" || path === "boot/grub/grub.cfg" || menus.includes(path);
    assert.deepEqual(planned.changed.filter((path) => !isOnlyKeys(path)), []);
    planned.groups.flat().forEach((write) => disk.write(write));
    assert.equal((await names(disk)).length, files);
    assert.equal((await names(disk)).at(-1), "key.img", "what ends with the mark that all is unpacked stays last");
    const { contents } = await readState(disk);
    const all = concatenate([...contents.values()]);
    for (const seed of [1, 2]) {
      assert.equal(isInside(all, key(seed)), keys.includes(seed), `${seed}`);
      // Not in what was given back either.
      const left = [...disk.blocks.values()].some((block) => isInside(block, key(seed)));
      assert.equal(left, keys.includes(seed), `${seed} on the disk`);
    }
  }
});

function isInside(bytes: Uint8Array, part: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(new TextDecoder("latin1").decode(part));
}

Deno.test("the file with other laptops' keys is an archive for its owner alone, and no build has it", () => {
  const key = createSeededRandom(1).bytes(32);
  const bytes = addLaptopKeys(old, [{ name: "bell", key }]).initrds.find(({ name }) => name === "keys.img")?.bytes;
  assert.ok(bytes !== undefined && bytes.length % 4 === 0);
  assert.deepEqual(parseCpio(bytes), [
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "directory", path: "etc/stiefelsystem", mode: 0o700 },
    { kind: "directory", path: "etc/stiefelsystem/aes-keys", mode: 0o700 },
    { kind: "file", path: "etc/stiefelsystem/aes-keys/bell", mode: 0o600, content: key },
  ]);
  assert.equal(addLaptopKeys(old, []), old);
  assert.ok(old.initrds.every((part) => !isInside(part.bytes, key)));
});

Deno.test("an update empties the place for a second boot, to the last byte, and keeps the stick's own UUID in the menu", async () => {
  const placeUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
  const built = { ...old, secondStage: new TextEncoder().encode("#### LoaderInfo: systemd-boot 257 ####") };
  const { disk, layout: { place, sizeBytes } } = makeSampleStick(built, { sizeBytes: 1024 ** 3, placeUuid });
  assert.ok(place !== undefined);
  const read = async (): Promise<StickState> => {
    const state = await readStick(disk.readAt, { sizeBytes });
    if ("reason" in state) assert.fail(state.reason);
    return state;
  };
  const planAgain = async (): Promise<ReturnType<typeof planUpdate>> => {
    const files = composeFiles(built, sampleRecord, (await read()).place?.partitionUuid);
    return planUpdate(await read(), { built, record: sampleRecord, files });
  };
  assert.deepEqual((await read()).place, { ...place, usedBytes: 0 });
  assert.equal((await planAgain()).kind, "current");
  const copied = [{ path: "EFI/x/kernel", from: "", sizeBytes: 9_000_000 }];
  const { head, usedBytes } = planPlace({ ...place, sectorBytes: 512 }, { copied, texts: [] }) ?? assert.fail();
  disk.write({ offset: place.offsetBytes, bytes: head });
  const inside = [...Array(usedBytes / 4096).keys()].map((block) => place.offsetBytes + block * 4096);
  for (const offset of inside.slice(head.length / 4096)) disk.write({ offset, bytes: new Uint8Array(4096).fill(7) });
  const { groups, changed, emptiesPlace } = update(await planAgain());
  assert.deepEqual([changed, emptiesPlace], [[], true]);
  assert.deepEqual(groups.at(-1)?.map(({ offset }) => offset), [place.offsetBytes], "the mark goes last");
  for (const write of groups.flat()) disk.write(write);
  for (const offset of inside) assert.ok((await disk.readAt(offset, 4096)).every((byte) => byte === 0), `${offset}`);
  assert.equal((await planAgain()).kind, "current");
});

Deno.test("a stick whose second stage is no systemd-boot, or without room, gets no place", () => {
  const placeUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
  const texts = (files: ReturnType<typeof composeFiles>): string =>
    files.filter(({ path }) => path.endsWith(".conf")).map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
  assert.doesNotMatch(texts(composeFiles(old, sampleRecord, placeUuid)), /stiefel\.stick/);
  assert.match(texts(composeFiles(old, sampleRecord, placeUuid)), /^default 1-laptop\.conf$/m);
  const { layout } = makeSampleStick(old, { sizeBytes: 300 * 1024 * 1024, placeUuid });
  assert.equal(layout.place, undefined);
});

Deno.test("an update keeps the stick's kernel parameters and laptops, unless others are asked for", () => {
  const key = { keyFingerprint: sampleRecord.keyFingerprint };
  const before = nextStickRecord(sampleRecord, { ...key, parameters: ["nomodeset"], laptopName: "bell" });
  assert.deepEqual(before.laptops.map(({ name }) => name), ["vaio", "bell"]);
  assert.deepEqual(parseStickRecord(new TextEncoder().encode(formatStickRecord(before))), before);
  assert.deepEqual(nextStickRecord(before, key), before);
  assert.deepEqual(nextStickRecord(before, { ...key, parameters: [] }).parameters, []);
  const cases: readonly (readonly [string[], Partial<Parameters<typeof nextStickRecord>[1]>, string[]])[] = [
    [[], { defaultLaptop: "My laptop" }, ["stiefel.laptop=My_laptop"]],
    [["nomodeset", "stiefel.laptop=old"], { defaultLaptop: "new" }, ["nomodeset", "stiefel.laptop=new"]],
    [["nomodeset", "stiefel.laptop=old"], { defaultLaptop: "" }, ["nomodeset"]],
    [["nomodeset", "stiefel.laptop=old"], {}, ["nomodeset", "stiefel.laptop=old"]],
    [["nomodeset", "stiefel.laptop=old"], { parameters: ["quiet"] }, ["quiet", "stiefel.laptop=old"]],
    [["stiefel.laptop=old"], { parameters: ["stiefel.laptop=new"] }, ["stiefel.laptop=new"]],
    [["stiefel.laptop=old"], { parameters: ["stiefel.laptop=x"], defaultLaptop: "new" }, ["stiefel.laptop=new"]],
  ];
  for (const [parameters, now, wanted] of cases) {
    const record = nextStickRecord({ ...sampleRecord, parameters }, { ...key, ...now });
    assert.deepEqual(record.parameters, wanted, JSON.stringify([parameters, now]));
    assert.deepEqual(parseStickRecord(new TextEncoder().encode(formatStickRecord(record))), record);
  }
});

Deno.test("a record that was tampered with does not count", () => {
  const text = formatStickRecord(sampleRecord);
  const read = (value: string): unknown => parseStickRecord(new TextEncoder().encode(value));
  assert.deepEqual(read(text), sampleRecord);
  for (
    const [from, to] of [
      ['"version": 1', '"version": 2'],
      ["vaio", "va\\u001b[2Jio"],
      ["vaio", "a".repeat(65)],
      ["0123-", "0123"],
      ['"parameters": []', '"parameters": ["x; reboot"]'],
      ['"parameters": []', '"parameters": [], "more": 1'],
      ['"parameters": []', '"parameters": [], "keys": []'],
      ['"parameters": []', '"parameters": [], "keys": [{"name": "bell", "keyFingerprint": "1"}]'],
      ["{", ""],
    ] as const
  ) assert.equal(read(text.replace(from, to)), undefined, to);
  assert.equal(parseStickRecord(new Uint8Array(100_000)), undefined);
  assert.equal(parseStickRecord(new Uint8Array([0xff, 0xfe])), undefined);
});

Deno.test("what others have left on a stick goes, and what they have marked is put right", async () => {
  const { disk, layout } = makeSampleStick(old);
  const boot = Uint8Array.from(await disk.readAt(layout.efi.offsetBytes, 4096));
  boot[65] = 1; // mounted
  boot[512 + 488] = 5; // free clusters
  disk.write({ offset: layout.efi.offsetBytes, bytes: boot });
  const { groups, writtenBytes } = update(await plan(disk, { built: old }));
  assert.equal(writtenBytes, 4096);
  groups.flat().forEach((write) => disk.write(write));
  assert.deepEqual(disk.blocks, makeSampleStick(old).disk.blocks);
});

Deno.test("readStick refuses devices that are no stick of ours, with the reason", async () => {
  const reasonOf = async (disk: BlockDisk, size = sizeBytes): Promise<string | undefined> => {
    const state = await readStick(disk.readAt, { sizeBytes: size });
    return "reason" in state ? state.reason : undefined;
  };
  const { disk, layout } = makeSampleStick(old);
  assert.equal(await reasonOf(disk), undefined);
  assert.equal(await reasonOf(disk, 2 * sizeBytes), undefined, "an image that was copied to a larger device");
  assert.match(await reasonOf(disk, sizeBytes / 2) ?? "", /partition table/);
  assert.match(await reasonOf(createBlockDisk()) ?? "", /partition table/);
  const damage = async (offset: number, change: (bytes: Uint8Array) => void): Promise<string> => {
    const damaged = disk.copy();
    const bytes = Uint8Array.from(await disk.readAt(offset, 4096));
    change(bytes);
    damaged.write({ offset, bytes });
    return await reasonOf(damaged) ?? "";
  };
  const efi = layout.efi.offsetBytes;
  assert.match(await damage(0, (bytes) => bytes[520] = 9), /partition table/);
  assert.match(await damage(efi, (bytes) => bytes[13] = 16), /not made by us/);
  const state = await readState(disk);
  const fatAt = efi + 32 * 512;
  const [first = 0, second = 0] = state.fat.files.get("stiefel/base.img")?.clusters ?? [];
  assert.match(await damage(fatAt, (bytes) => bytes[4 * second] = first), /damaged: Cluster \d+ belongs to two files/);
  assert.match(await damage(fatAt, (bytes) => bytes.fill(0, 4 * second, 4 * second + 4)), /damaged: A chain/);
  assert.match(await damage(fatAt, (bytes) => bytes.fill(0xff, 4 * second, 4 * second + 4)), /damaged: "stiefel/);
});

Deno.test("the plan reports a stick that is too full for what is new beside what is old", async () => {
  const { disk } = makeSampleStick(old);
  const huge = { ...old, kernel: new Uint8Array(300_000_000) };
  assert.equal((await plan(disk, { built: huge })).kind, "full");
});

/** Both FATs are the same, and have nothing in them but what can be reached. */
async function assertNothingLost(disk: BlockDisk): Promise<void> {
  const state = await readState(disk);
  const { sectorBytes, offsetBytes, sizeBytes } = state.fat.geometry;
  const fat = await readFat(disk.readAt, planFat({ sectorBytes, offsetBytes, sizeBytes }));
  assert.ok(fat.fats[0].every((value, cluster) => value === fat.fats[1][cluster]), "both FATs are the same");
  const taken = [...fat.fats[0].entries()].filter(([cluster, value]) => cluster >= 2 && value !== 0);
  assert.deepEqual(taken.filter(([cluster]) => !fat.used.has(cluster)), []);
}

function shuffle(writes: readonly StickWrite[]): readonly StickWrite[] {
  const list = [...writes];
  for (let index = list.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [list[index], list[other]] = [list[other] ?? assert.fail(), list[index] ?? assert.fail()];
  }
  return list;
}
