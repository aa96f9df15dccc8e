/** Valid values of every wire format, for tests, vectors and the fuzzer. */
import type { Handover } from "../../lib/formats/handover.ts";
import type { AgentSettings } from "../../lib/formats/agent_settings.ts";
import type { AutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import type {
  ArchiveMessage,
  ClientMessage,
  HelloMessage,
  ServerMessage,
  WelcomeMessage,
} from "../../lib/protocol/boot_exchange.ts";
import type { DiscoveryMessage } from "../../lib/protocol/discovery.ts";
import { FRAME_BODY_MAX_BYTES, FrameReader } from "../../lib/protocol/frames.ts";
import { answerClientOpening, type SecureChannel, startClientHandshake } from "../../lib/protocol/secure_channel.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";

/** Bytes counting up from a start: easy to recognise, never a real key. */
export function counting(start: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => (start + index) & 0xff);
}

export const sharedKey = counting(0x00, 32);
export const otherSharedKey = counting(0x80, 32);

/** Of one transport, so that its values are known. */
export type NbdSession = SessionParameters & { readonly disk: { readonly transport: "nbd" } };

export const session: NbdSession = {
  version: 2,
  link: { mac: "52:54:00:00:00:02", name: "stiefel0", address: "fdd3:1f5e:42aa:1::2/64" },
  disk: {
    transport: "nbd",
    address: "fdd3:1f5e:42aa:1::1",
    port: 10809,
    exportName: "0123456789abcdef0123456789abcdef",
    blockSizeBytes: 512,
    sizeBytes: 2 * 1024 ** 3,
    connections: 4,
  },
};

export const routedSession: NbdSession = {
  ...session,
  link: { ...session.link, address: "192.0.2.20/24", gateway: "192.0.2.1", mtu: 1400 },
  disk: { ...session.disk, address: "198.51.100.7", blockSizeBytes: 4096 },
};

export const tunnelSession: SessionParameters = {
  ...session,
  tunnel: {
    name: "stiefeltunnel",
    address: "fd17:2233:4455:6677::2/128",
    mtu: 1420,
    endpoint: session.disk.address,
    port: 51820,
    publicKey: "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
  },
  disk: { ...session.disk, address: "fd17:2233:4455:6677::1" },
};

export const nvmeSession: SessionParameters & { readonly disk: { readonly transport: "nvme-tcp" } } = {
  ...session,
  disk: {
    transport: "nvme-tcp",
    address: "fdd3:1f5e:42aa:1::1",
    port: 4420,
    subsystem: "11111111-1111-4111-8111-111111111111",
    host: "22222222-2222-4222-8222-222222222222",
    blockSizeBytes: 4096,
    sizeBytes: 2 * 1024 ** 3,
    queues: 4,
  },
};

export const guestSession: SessionParameters = { ...session, mode: { kind: "try", guest: 2 } };
export const engineSession: SessionParameters & { readonly disk: { readonly transport: "nvme-engine" } } = {
  version: 2,
  link: { ...session.link, address: "192.0.2.50/24" },
  disk: {
    transport: "nvme-engine",
    address: "192.0.2.10",
    secondAddress: "192.0.2.11",
    port: 4420,
    subsystem: "nqn.2011-06.com.truenas:uuid:68bf9433-63ef-49f5-a921-4c0f8190fd94:desk",
    host: "nqn.2014-08.org.nvmexpress:uuid:22222222-2222-4222-8222-222222222222",
    hostId: "22222222-2222-4222-8222-222222222222",
    namespaceId: 3,
    queues: 4,
  },
};
export const engineSecret = {
  hostKey: "DHHC-1:01:ia6zGodOr4SEG0Zzaw398rpY0wqipUWj4jWjUh4HWUz6aQ2n:",
  controllerKey: "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:",
} as const;

export const passphrase = "grüne Wiese 7";

export const hello: HelloMessage = {
  kind: "hello",
  protocol: 2,
  name: "desktop",
  machine: "00112233445566778899aabbccddeeff",
  link: { mac: "52:54:00:00:00:02" },
  tunnel: { publicKey: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
  disk: { transports: ["nbd"] },
};

export const guestHello: HelloMessage = { ...hello, mode: { kind: "try" } };

export const welcome: WelcomeMessage = {
  kind: "welcome",
  needsPassphrase: false,
  disk: { model: "Example NVMe 2280", sizeBytes: 2147483648, name: "nvme0n1" },
  kernelSignature: {
    kind: "signed",
    names: ["Debian Secure Boot CA", "Debian Secure Boot Signer 2022 - linux", "Debian Secure Boot CA"],
    keyIds: ["14011249c2675ea8e5148542202005810584b25f", "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1"],
  },
};

export const archive: ArchiveMessage = {
  kind: "archive",
  kernelBytes: 5,
  initramfsBytes: 7,
  commandLine: "root=UUID=9bb1e6a2-7c1c-4a8e-9d4f-2f6f4f0c1a55 ro quiet noresume",
  entryTitle: "Debian GNU/Linux",
  notices: ["The journal needs recovery, the desktop will do it"],
  kernelSignature: { kind: "none" },
  session,
};

export const clientMessages: readonly ClientMessage[] = [
  hello,
  guestHello,
  {
    kind: "hello",
    protocol: 2,
    name: "",
    link: { mac: "02:00:00:00:00:01" },
    disk: { transports: ["nbd", "later-2"] },
  },
  { ...hello, link: { ...hello.link, address: "192.0.2.20/24", gateway: "192.0.2.1", mtu: 1400 } },
  { ...hello, link: { ...hello.link, address: "2001:db8::20/64", gateway: "fe80::1%eth0" } },
  { ...hello, chain: {} },
  { ...hello, architecture: "arm64" },
  { kind: "request" },
  { kind: "request", passphrase },
  { kind: "ack", ok: true },
  { kind: "ack", ok: false, message: "Not enough memory" },
];

export const serverMessages: readonly ServerMessage[] = [
  welcome,
  { kind: "welcome", needsPassphrase: true, disk: { sizeBytes: 1, name: "sda" } },
  { ...welcome, kernelSignature: { kind: "broken" } },
  { kind: "refuse", code: "busy", message: "Another desktop has the disk", holder: "other-desktop" },
  { kind: "refuse", code: "hibernated", message: "The disk holds a hibernated system" },
  { kind: "passphrase-wrong", triesLeft: 2 },
  archive,
  { ...archive, initramfsBytes: 0, notices: [], session: routedSession },
  { ...archive, session: tunnelSession },
  { ...archive, session: guestSession },
  { ...archive, chain: { directory: "debian", shimBytes: 3, grubBytes: 2 } },
  { ...archive, session: { ...engineSession, secret: engineSecret } },
  { kind: "end" },
  { kind: "ready" },
];

export const discoveryMessages: readonly DiscoveryMessage[] = [
  { kind: "discover", clientNonce: counting(0x10, 16) },
  {
    kind: "offer",
    clientNonce: counting(0x10, 16),
    challenge: counting(0x20, 16),
    state: "serving",
    tcpPort: 4644,
    name: "laptop-größe",
  },
  {
    kind: "offer",
    clientNonce: counting(0x10, 16),
    challenge: counting(0x20, 16),
    state: "busy",
    tcpPort: 65535,
    name: "x".repeat(64),
  },
  {
    kind: "offer",
    clientNonce: counting(0x10, 16),
    challenge: counting(0x20, 16),
    state: "installed-os",
    tcpPort: 0,
    name: "",
  },
  {
    kind: "offer",
    clientNonce: counting(0x10, 16),
    challenge: counting(0x20, 16),
    state: "declining",
    tcpPort: 0,
    name: "laptop",
  },
  { kind: "claim", clientNonce: counting(0x10, 16), challenge: counting(0x20, 16), name: "desktop" },
  { kind: "claim-accepted", clientNonce: counting(0x10, 16), challenge: counting(0x20, 16) },
  { kind: "other-key", clientNonce: counting(0x10, 16) },
];

export const agentSettings: readonly AgentSettings[] = [
  { version: 1, boot: {}, onEnd: "reboot" },
  {
    version: 1,
    boot: {
      disk: "/dev/nvme0n1",
      part: { type: "luks", block: "/dev/mapper/boot", luksBlock: "/dev/nvme0n1p2" },
      load: { kernel: "/vmlinuz", initrd: "/initrd.img", cmdline: ["root=/dev/mapper/root", "ro"] },
    },
    onEnd: "wait",
    name: "laptop",
  },
];

export const handovers: readonly Handover[] = [
  { version: 1, disk: { sizeBytes: 512110190592, path: "/dev/nvme0n1", serial: "S4ENNX0N123456" } },
  {
    version: 1,
    name: "thinkpad",
    disk: {
      sizeBytes: 1000204886016,
      path: "/dev/sda",
      model: "Samsung SSD 870",
      serial: "S5SXNG0R",
      wwn: "0x5002538f31a0c8f1",
      tableUuid: "7a1c9d5e-33f2-4b0a-9a68-4d3c7d1f6b20",
    },
    title: "Debian GNU/Linux 13 (trixie)",
    commandLine: 'root=UUID=1234 ro dyndbg="file x.c +p; file y.c +p" quiet -- init=1',
    pair: { kernelBytes: 12_000_001, initramfsBytes: 40_000_004 },
  },
];

/** Gives these bytes of a stream to a reader; its frames, each a view that is good until the next one is asked for. */
export function* readFrames(reader: FrameReader, bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let rest = bytes; rest.length > 0;) {
    const space = reader.space();
    const part = rest.subarray(0, space.length);
    space.set(part);
    reader.added(part.length);
    rest = rest.subarray(part.length);
    for (let body = reader.next(); body !== undefined; body = reader.next()) yield body;
  }
}

/** The bodies of all frames in these bytes. */
export function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const reader = new FrameReader(FRAME_BODY_MAX_BYTES);
  const bodies = [...readFrames(reader, bytes).map((body) => new Uint8Array(body))];
  reader.finish();
  return bodies;
}

/** The body of the one frame in these bytes. */
export function bodyOf(frame: Uint8Array): Uint8Array {
  const [body, ...others] = bodiesOf(frame);
  if (body === undefined || others.length > 0) throw new RangeError("Not one frame");
  return body;
}

/** Both ends of a channel, with fixed or random private keys. */
export async function connectChannel(options: {
  readonly psk: Uint8Array;
  readonly clientEphemeral?: Uint8Array;
  readonly serverEphemeral?: Uint8Array;
}): Promise<{
  readonly client: SecureChannel;
  readonly server: SecureChannel;
  readonly opening: Uint8Array;
  readonly reply: Uint8Array;
}> {
  const { psk, clientEphemeral, serverEphemeral } = options;
  const handshake = await startClientHandshake(
    clientEphemeral === undefined ? { psk } : { psk, ephemeral: clientEphemeral },
  );
  const answer = await answerClientOpening(
    bodyOf(handshake.opening),
    serverEphemeral === undefined ? { psk } : { psk, ephemeral: serverEphemeral },
  );
  if (answer.kind !== "accepted") throw answer.error;
  return {
    client: await handshake.finish(bodyOf(answer.reply)),
    server: answer.channel,
    opening: handshake.opening,
    reply: answer.reply,
  };
}

export const autokexecSettings: AutokexecSettings = {
  version: 1,
  listens: true,
  macs: ["52:54:00:12:34:56"],
  kernel: "/var/local/lib/stiefelsystem/kernel",
  initrd: "/var/local/lib/stiefelsystem/initrd",
  commandLine: "ro stiefel.role=server stiefel.on_end=reboot",
  countdownSeconds: 10,
  name: "laptop",
};
