import assert from "node:assert/strict";
import { session, tunnelSession } from "../../../tests/support/protocol_samples.ts";
import { addressFamily } from "../../formats/address.ts";
import { formatDesktopEnd, planTunnel, TUNNEL_RANDOM_BYTES } from "./plan_tunnel.ts";
import { formatWireguardEnd, makeTunnelKeys } from "./wireguard_config.ts";

// RFC 7748 section 6.1: Bob's.
const privateKey = Uint8Array.fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
const publicKey = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
const peerPublicKey = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
const presharedKey = new Uint8Array(32).fill(7);
const ends = { serverAddress: "fd01::1", clientAddress: "fd01::2/64", allowAddress: "fd01::2" };

function plan(change: Partial<Parameters<typeof planTunnel>[0]> = {}): ReturnType<typeof planTunnel> {
  const random = Uint8Array.from({ length: TUNNEL_RANDOM_BYTES }, (_, index) => index + 1);
  return planTunnel({ ends, keys: { privateKey, publicKey }, peerPublicKey, presharedKey, random, ...change });
}

Deno.test("the public key of a private one is that of RFC 7748", async () => {
  assert.deepEqual(await makeTunnelKeys(privateKey), { privateKey, publicKey });
});

Deno.test("a tunnel has addresses of its own, and takes nothing but the desktop's", () => {
  const { group, settings, ends: inside } = plan();
  assert.deepEqual(group, {
    name: "stiefeltunnel",
    address: "fd01:203:405:607::2/128",
    mtu: 1420,
    endpoint: "fd01::1",
    port: 51820,
    publicKey,
  });
  assert.deepEqual(inside, {
    serverAddress: "fd01:203:405:607::1",
    clientAddress: "fd01:203:405:607::2/128",
    allowAddress: "fd01:203:405:607::2",
  });
  const { configuration, ...rest } = settings;
  assert.deepEqual(rest, {
    namespace: "stiefel-08090a0b",
    name: "stiefeltunnel",
    address: "fd01:203:405:607::1",
    peerAddress: "fd01:203:405:607::2",
    mtu: 1420,
  });
  assert.equal(
    configuration,
    `[Interface]
PrivateKey = XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=
ListenPort = 51820
[Peer]
PublicKey = hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
PresharedKey = BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
AllowedIPs = fd01:203:405:607::2/128
`,
  );
});

Deno.test("the MTU leaves room for what WireGuard puts around a packet, and is enough for IPv6", () => {
  for (const [mtu, inside] of [[undefined, 1420], [9000, 8920], [1400, 1320], [1280, 1280]] as const) {
    assert.equal(plan({ ends: { ...ends, mtu } }).group.mtu, inside);
  }
});

Deno.test("the desktop's end calls the laptop's, by its own private key", () => {
  const text = formatDesktopEnd(tunnelSession, { privateKey, presharedKey });
  assert.equal(
    text,
    `[Interface]
PrivateKey = XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=
[Peer]
PublicKey = 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
PresharedKey = BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
Endpoint = [fdd3:1f5e:42aa:1::1]:51820
AllowedIPs = fd17:2233:4455:6677::1/128
`,
  );
  assert.equal(formatDesktopEnd(session, { privateKey, presharedKey }), undefined);
  const { tunnel } = tunnelSession;
  assert.ok(tunnel);
  const byIpv4 = { ...tunnelSession, tunnel: { ...tunnel, endpoint: "192.0.2.7" } };
  assert.match(formatDesktopEnd(byIpv4, { privateKey, presharedKey }) ?? "", /^Endpoint = 192\.0\.2\.7:51820$/m);
});

Deno.test("whatever is random, addresses have one form and a namespace has a name of its own", () => {
  for (const fill of [0, 255]) {
    const { settings } = plan({ random: new Uint8Array(TUNNEL_RANDOM_BYTES).fill(fill) });
    assert.equal(addressFamily(settings.address), 6);
    assert.equal(new URL(`http://[${settings.address}]/`).hostname, `[${settings.address}]`);
    assert.match(settings.namespace, /^stiefel-[0-9a-f]{8}$/);
  }
});

Deno.test("a key of another length is a programmer's error", () => {
  const peer = { publicKey: peerPublicKey, presharedKey, address: "fd01::1" };
  assert.throws(() => formatWireguardEnd({ privateKey: privateKey.subarray(1), peer }), RangeError);
  assert.throws(() => formatWireguardEnd({ privateKey, peer: { ...peer, publicKey: "00" } }), RangeError);
});
