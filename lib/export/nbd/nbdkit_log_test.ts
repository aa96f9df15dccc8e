import assert from "node:assert/strict";
import {
  emptyNbdkitLog,
  hasClientLeft,
  mayBelieveToHaveDisk,
  type NbdkitLogState,
  readDiskError,
  readNbdkitLine,
} from "./nbdkit_log.ts";

function read(...lines: readonly string[]): NbdkitLogState {
  return lines.reduce(readNbdkitLine, emptyNbdkitLog);
}

// Lines as nbdkit 1.42.3 wrote them, with two threads instead of sixteen.
const connect = [
  "nbdkit: debug: accepted connection",
  "nbdkit: file[1]: debug: newstyle negotiation: NBD_OPT_GO: client requested export 'abcd'",
  "nbdkit: file[1]: debug: handshake complete, processing requests with 2 threads",
  "nbdkit: debug: starting worker thread file.0",
  "nbdkit: debug: starting worker thread file.1",
];
const goodbye = "nbdkit: file.0: debug: client sent NBD_CMD_DISC, closing connection";
const end = [
  "nbdkit: file.0: debug: exiting worker thread file.0",
  "nbdkit: file.1: debug: exiting worker thread file.1",
];

Deno.test("nbdkit listens once it has bound its address", () => {
  assert.equal(read("nbdkit: debug: nbdkit 1.42.3").isListening, false);
  assert.equal(read("nbdkit: debug: bound to IP address 127.0.0.1:10899 (1 socket(s))").isListening, true);
});

Deno.test("a client that said goodbye on its only connection has left", () => {
  assert.equal(hasClientLeft(read(...connect, goodbye)), false, "its threads still work");
  assert.equal(hasClientLeft(read(...connect, goodbye, ...end)), true);
});

Deno.test("a client whose connection dropped has not left", () => {
  const state = read(...connect, ...end);
  assert.equal(hasClientLeft(state), false);
  assert.equal(state.workers, 0);
});

Deno.test("with several connections the client has left when the last one ended", () => {
  const two = [...connect, ...connect];
  assert.equal(hasClientLeft(read(...two, goodbye, ...end)), false);
  assert.equal(hasClientLeft(read(...two, goodbye, ...end, goodbye, ...end)), true);
});

Deno.test("a goodbye counts no more once the client has connected again", () => {
  assert.equal(hasClientLeft(read(...connect, goodbye, ...end, ...connect, ...end)), false);
});

Deno.test("a connection without a handshake, as a port scan makes, means nothing", () => {
  const state = read(
    "nbdkit: debug: accepted connection",
    "nbdkit: file[7]: error: reading initial client flags: conn->recv: Connection reset by peer",
  );
  assert.equal(state.wasUsed, false);
  assert.equal(hasClientLeft(state), false);
  assert.deepEqual(state.errors, ["reading initial client flags: conn->recv: Connection reset by peer"]);
});

Deno.test("only the last errors are kept, lines of no known form among them", () => {
  const state = read(...Array.from({ length: 30 }, (_, i) => `nbdkit: error: number ${i}`), "Segmentation fault");
  assert.equal(state.errors.length, 8);
  assert.equal(state.errors.at(-1), "Segmentation fault");
});

Deno.test("A3: a desktop that did not say goodbye on its last connection may believe to have the disk", () => {
  const cases: readonly [readonly string[], boolean][] = [
    [[], false],
    [["nbdkit: debug: accepted connection"], false],
    [connect, true],
    [[...connect, ...end], true],
    [[...connect, goodbye], true],
    [[...connect, goodbye, ...end], false],
    [[...connect, ...connect, goodbye, ...end], true],
    [[...connect, goodbye, ...end, ...connect], true],
  ];
  for (const [lines, expected] of cases) assert.equal(mayBelieveToHaveDisk(read(...lines)), expected, lines.join("\n"));
});

Deno.test("A3: the log tells errors of the disk from those of a connection", () => {
  assert.equal(readDiskError("nbdkit: file.3: error: pread: Input/output error"), "pread: Input/output error");
  assert.equal(
    readDiskError("nbdkit: file.3: error: fdatasync: No space left on device"),
    "fdatasync: No space left on device",
  );
  for (
    const line of [
      "nbdkit: file.3: debug: pread count=512",
      "nbdkit: file[7]: error: reading initial client flags: conn->recv: Connection reset by peer",
      "nbdkit: error: preadable",
    ]
  ) assert.equal(readDiskError(line), undefined, line);
});
