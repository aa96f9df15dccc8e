/**
 * What is lent right now, as a file of the server agent for the agent that is started in its place should it fail: the
 * export goes on without it. One line of JSON and a newline. Pure.
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import { formatJson, integer, type JsonFormat, type Parsed, parseJson, printable } from "../formats/json.ts";
import { MACHINE_ID_DIGITS } from "../formats/machine_identity.ts";
import { transportNames } from "./needs.ts";
import { decodeUtf8, encodeUtf8 } from "../formats/text.ts";

const ExportStateSchema = v.strictObject({
  version: v.literal(1),
  lease: v.strictObject({
    holder: v.strictObject({
      mac: printable(64),
      machine: v.exactOptional(printable(MACHINE_ID_DIGITS)),
      name: printable(256),
      address: printable(128),
    }),
    sinceMs: integer(0, Number.MAX_SAFE_INTEGER),
    isGuest: v.exactOptional(v.literal(true)),
  }),
  /** What is needed to find the export again and to end it. */
  transport: v.picklist(transportNames),
  disk: printable(4096),
  exportName: printable(64),
  /** Added to a link for this session. */
  linkAddress: v.exactOptional(v.strictObject({
    link: printable(64),
    address: printable(128),
    /** The desktop's end: known for good, so that no other machine on the link can take its place. */
    neighbour: v.exactOptional(v.strictObject({ address: printable(128), mac: printable(64) })),
  })),
  /** Raised for this session. */
  tunnel: v.exactOptional(v.strictObject({
    namespace: printable(64),
    name: printable(64),
    /** Of the laptop's end, in hex: the desktop knows it, too, and no other machine. */
    publicKey: v.exactOptional(printable(64)),
  })),
  /** Made for this session, of `disk`; what was written is in its store. */
  snapshot: v.exactOptional(v.strictObject({
    name: printable(64),
    disk: printable(4096),
    storeBytes: integer(1, Number.MAX_SAFE_INTEGER),
  })),
  /** The desktop was connected to the disk. */
  wasUsed: v.boolean(),
});

export type ExportState = Parsed<typeof ExportStateSchema>;

const FORMAT: JsonFormat<ExportState> = {
  what: "The state of the export",
  schema: ExportStateSchema,
  maxBytes: 16 * 1024,
};

/** @throws ProtocolError malformed or oversize */
export function formatExportState(state: ExportState): string {
  return decodeUtf8(formatJson(state, FORMAT), FORMAT.what) + "\n";
}

/** @throws ProtocolError truncated (no newline at the end), malformed or oversize */
export function parseExportState(text: string): ExportState {
  if (!text.endsWith("\n")) throw new ProtocolError("truncated", "The state of the export does not end with a newline");
  return parseJson(encodeUtf8(text.slice(0, -1)), FORMAT);
}
