/**
 * A stranger who has recorded a question of a desktop, and plays it again from many addresses, as fast as it can,
 * until it is ended. Arguments: LINK INDEX KEY-FILE COUNT. Its addresses are fe80::a:1 to fe80::a:COUNT, in
 * hexadecimal; the key only makes the record.
 */
import { openDatagramLink } from "../../lib/net/datagram_link.ts";
import { formatDiscovery, importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { deriveKeys } from "../../lib/protocol/keys.ts";

const [link = "", index = "", keyPath = "", count = ""] = Deno.args;
const key = await importDiscoveryKey((await deriveKeys(await Deno.readFile(keyPath))).discoveryKey);
const question = await formatDiscovery({ kind: "discover", clientNonce: new Uint8Array(16).fill(7) }, key);
const sockets = await Promise.all(
  Array.from(
    { length: Number(count) },
    (_, number) =>
      openDatagramLink({ link, index: Number(index), address: `fe80::a:${(number + 1).toString(16)}`, port: 0 }),
  ),
);
for (let round = 1;; round++) {
  for (const socket of sockets) {
    await socket.send(question, { address: "ff02::1", port: 61570 }).catch(() => {}); // the queue may be full
  }
  if (round === 5) console.log("five rounds");
}
