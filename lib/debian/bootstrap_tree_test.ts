import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { archiveKeyringPath, debootstrapArguments, treePrefix } from "./bootstrap_tree.ts";

const project = new URL("../../", import.meta.url);

/** Fingerprints of the version 4 keys of a file, subkeys left out (RFC 4880, 4.2, 5.5.2 and 12.2). */
function readFingerprints(bytes: Uint8Array): string[] {
  const fingerprints: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(at);
    assert.ok((first & 0x80) !== 0, `no packet at ${at}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const isNew = (first & 0x40) !== 0;
    const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
    const [head, length] = isNew
      ? second < 192 ? [2, second] : second < 224 ? [3, ((second - 192) << 8) + third + 192] : [6, view.getUint32(2)]
      : [[2, second], [3, view.getUint16(1)], [5, view.getUint32(1)]][first & 3] ?? [0, 0];
    const body = bytes.subarray(at + (head ?? 0), at + (head ?? 0) + (length ?? 0));
    if (tag === 6) {
      assert.equal(body[0], 4);
      const sum = createHash("sha1").update(Uint8Array.of(0x99, body.length >> 8, body.length & 0xff)).update(body);
      fingerprints.push(sum.digest("hex").toUpperCase());
    }
    at += (head ?? 0) + (length ?? 0);
  }
  return fingerprints;
}

Deno.test("the keys that come with us are those that the documents name, and no others", async () => {
  const found = readFingerprints(await Deno.readFile(new URL(archiveKeyringPath, project)));
  const named = [...(await Deno.readTextFile(new URL("doc/image.md", project))).matchAll(/`((?:[0-9A-F]{4} ?){10})`/g)]
    .map(([, fingerprint = ""]) => fingerprint.replaceAll(" ", ""));
  assert.equal(found.length, 4);
  assert.deepEqual(found, named);
});

Deno.test("debootstrap fetches and verifies for any suite, and runs nothing of it", () => {
  const request = { architecture: "amd64", suite: "forky", mirror: "http://m/debian", keyring: "/p/keys.gpg" } as const;
  assert.equal(
    debootstrapArguments(request, "/c/x").join(" "),
    "debootstrap --download-only --arch=amd64 --variant=minbase --include=mmdebstrap,mount " +
      "--keyring=/p/keys.gpg --force-check-gpg forky /c/x http://m/debian sid",
  );
});

Deno.test("in its tree mmdebstrap is root: as a user in a user namespace with all ids", () => {
  const tree = { root: "/c/tools/tree", shared: "/c" };
  assert.deepEqual(treePrefix(tree, "root").slice(0, 3), ["unshare", "--mount", "--propagation=private"]);
  assert.deepEqual(treePrefix(tree, "unshare").slice(0, 4), ["unshare", "--user", "--map-root-user", "--map-auto"]);
  assert.deepEqual(treePrefix(tree, "root").slice(-2), [tree.root, tree.shared]);
});
