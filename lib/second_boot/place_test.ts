import assert from "node:assert/strict";
import { parseBlockDevices } from "../system/facts.ts";
import { choosePlace, placeBytes, placePartition } from "./place.ts";

const uuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";

const partition = {
  name: "sda3",
  path: "/dev/sda3",
  type: "part",
  size: placeBytes,
  ro: false,
  rm: true,
  "log-sec": 512,
  partuuid: uuid,
  parttype: placePartition.type,
  partlabel: placePartition.name,
  mountpoints: [null],
};
const stick = {
  name: "sda",
  path: "/dev/sda",
  type: "disk",
  size: 8e9,
  ro: false,
  rm: true,
  "log-sec": 512,
  "disk-seq": 7,
};
type Columns = Readonly<Record<string, unknown>>;

function choose(disks: readonly Columns[]): ReturnType<typeof choosePlace> {
  return choosePlace(parseBlockDevices(JSON.stringify({ blockdevices: disks })), uuid);
}

const withPlace = (change: Columns = {}, disk: Columns = {}): Columns => ({
  ...stick,
  ...disk,
  children: [{ ...partition, partuuid: "else", path: "/dev/sda2" }, { ...partition, ...change }],
});

Deno.test("the partition that the stick's menu names is the place, on that stick", () => {
  const choice = choose([{ ...stick, path: "/dev/nvme0n1" }, withPlace()]);
  assert.deepEqual(choice, {
    kind: "place",
    place: {
      path: "/dev/sda3",
      sizeBytes: placeBytes,
      sectorBytes: 512,
      stick: { path: "/dev/sda", sizeBytes: 8e9, diskSequence: 7 },
    },
  });
  assert.equal(choose([withPlace({ partuuid: uuid.toUpperCase(), fstype: "vfat", "log-sec": 4096 })]).kind, "place");
});

const refused: Readonly<Record<string, readonly [disks: readonly Columns[], why: RegExp]>> = {
  "the stick was pulled out": [[stick], /is not there/],
  "a copy of the stick is plugged in as well": [[withPlace(), withPlace({ path: "/dev/sdb3" })], /a copy of the other/],
  "another system has the number": [[withPlace({ parttype: "0fc63daf-8483-4772-8e79-3d69d8477de4" })], /is not the/],
  "it has another name": [[withPlace({ partlabel: "home" })], /is not the partition/],
  "it has another size": [[withPlace({ size: placeBytes - 512 })], /is not the partition/],
  "it holds something": [[withPlace({ fstype: "ext4" })], /is not the partition/],
  "it is no partition": [[withPlace({ type: "crypt" })], /is not the partition/],
  "it lies on something that is no disk": [[withPlace({}, { type: "loop" })], /is not the partition/],
  "it is mounted": [[withPlace({ mountpoints: ["/mnt"] })], /in use/],
  "something lies on it": [[withPlace({ children: [{ ...partition, type: "crypt", partuuid: null }] })], /in use/],
  "the stick is locked": [[withPlace({}, { ro: true })], /read-only/],
  "the partition is locked": [[withPlace({ ro: true })], /read-only/],
  "its sectors are of another size": [[withPlace({ "log-sec": 2048 })], /sectors of 2048/],
};
for (const [name, [disks, why]] of Object.entries(refused)) {
  Deno.test(`nothing is written when ${name}`, () => {
    const choice = choose(disks);
    assert.equal(choice.kind, "none");
    assert.match(choice.kind === "none" ? choice.why : "", why);
  });
}
