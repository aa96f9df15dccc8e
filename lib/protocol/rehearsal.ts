/**
 * An exchange of this program with itself, without a connection. What it runs for the first time is slow, since the runtime reads and compiles it
 * then: the first handshake takes many times as long as the next one. So it is done once while nobody waits.
 */
import {
  type ArchiveMessage,
  BOOT_EXCHANGE_VERSION,
  type ClientMessage,
  formatClientMessage,
  formatServerMessage,
  parseClientPlaintext,
  parseServerPlaintext,
  type ServerMessage,
} from "./boot_exchange.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import { answerClientOpening, type SecureChannel, startClientHandshake } from "./secure_channel.ts";
import { STIEFEL_LINK_NAME } from "./session.ts";

const mac = "00:00:00:00:00:00";
const clientMessages: readonly ClientMessage[] = [
  { kind: "hello", protocol: BOOT_EXCHANGE_VERSION, mac, name: "" },
  { kind: "request" },
  { kind: "ack", ok: true },
];
const archive: ArchiveMessage = {
  kind: "archive",
  kernelBytes: 1,
  initramfsBytes: 0,
  commandLine: "",
  entryTitle: "",
  notices: [],
  session: {
    version: 1,
    transport: "nbd",
    linkMac: mac,
    linkName: STIEFEL_LINK_NAME,
    clientAddress: "fd00::2/64",
    serverAddress: "fd00::1",
    port: 10809,
    exportName: "0".repeat(32),
    blockSizeBytes: 512,
    diskSizeBytes: 512,
    connections: 1,
  },
};
const serverMessages: readonly ServerMessage[] = [
  { kind: "welcome", needsPassphrase: false, disk: { sizeBytes: 512, name: "" } },
  archive,
  { kind: "end" },
  { kind: "ready" },
];

/** Says and reads every message of an exchange once, and a piece of the archive, under a key of its own. */
export function rehearseExchange(): void {
  const { client, server } = connectToOurselves();
  for (const message of clientMessages) {
    parseClientPlaintext(server.open(bodyOf(client.seal(formatClientMessage(message)))));
  }
  for (const message of serverMessages) {
    parseServerPlaintext(client.open(bodyOf(server.seal(formatServerMessage(message)))));
  }
  parseServerPlaintext(client.open(bodyOf(server.sealData(new Uint8Array(1)))));
}

/** Two ends of a channel within this process; the key is of no use to anybody. */
export function connectToOurselves(): { readonly client: SecureChannel; readonly server: SecureChannel } {
  const psk = new Uint8Array(32);
  const handshake = startClientHandshake({ psk });
  const answer = answerClientOpening(bodyOf(handshake.opening), { psk });
  if (answer.kind !== "accepted") throw new Error("The handshake with ourselves failed");
  return { client: handshake.finish(bodyOf(answer.reply)), server: answer.channel };
}

function bodyOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(FRAME_HEADER_BYTES);
}
