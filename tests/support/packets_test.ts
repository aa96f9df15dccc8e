import assert from "node:assert/strict";
import {
  icmpv6Frame,
  neighbourAdvertisement,
  parseIpv6,
  parseMac,
  readFrame,
  tcpFlags,
  tcpFrame,
  udpFrame,
} from "./packets.ts";

const from = { mac: parseMac("52:54:00:66:66:66"), address: parseIpv6("fe80::1") };
const to = { mac: parseMac("52:54:00:5a:1e:f1"), address: parseIpv6("fd12:3456:789a::1") };

/** The sum over a packet with its checksum is 0xffff (RFC 1071 section 1). */
function sumOf(frame: Uint8Array): number {
  const payload = frame.subarray(54);
  const words = [...frame.subarray(22, 54), ...payload, ...payload.length % 2 === 0 ? [] : [0]];
  let sum = payload.length + (frame[20] ?? 0);
  for (let at = 0; at < words.length; at += 2) sum += (words[at] ?? 0) * 256 + (words[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

Deno.test("packets made by hand have the checksums that receivers look at", () => {
  const data = Uint8Array.of(1, 2, 3);
  const segment = {
    fromPort: 40000,
    toPort: 4644,
    sequence: 4_000_000_000,
    acknowledged: 7,
    flags: tcpFlags.syn,
    data,
  };
  const frames = [
    tcpFrame(from, to, segment),
    udpFrame(from, to, { fromPort: 1, toPort: 65535, data }),
    icmpv6Frame(from, to, Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 1)),
    neighbourAdvertisement(from, to),
  ];
  for (const frame of frames) assert.equal(sumOf(frame), 0xffff);
  assert.deepEqual(readFrame(frames[0] ?? data), { kind: "tcp", from, to, segment });
  assert.deepEqual(readFrame(frames[1] ?? data), { kind: "udp", from, to, fromPort: 1, toPort: 65535, data });
});

Deno.test("an address is read with and without zeros left out", () => {
  assert.equal(parseIpv6("fd12:3456:789a:1:2:3:4:5").toHex(), "fd123456789a00010002000300040005");
  assert.equal(parseIpv6("ff02::1").toHex(), "ff020000000000000000000000000001");
  assert.equal(parseIpv6("::").toHex(), "0".repeat(32));
});
