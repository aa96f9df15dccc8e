import assert from "node:assert/strict";
import { StoppedByUser } from "../errors.ts";
import { describeEnd } from "./build_image.ts";

Deno.test("one step has failed, the others were stopped; with Ctrl-C all were", () => {
  const running = new AbortController().signal;
  const failure = new Error("no room");
  assert.equal(describeEnd(failure, running), undefined);
  assert.equal(describeEnd(new Error("killed"), AbortSignal.abort(failure)), "stopped, since another step has failed");
  assert.equal(describeEnd(new StoppedByUser(), running), "stopped");
  assert.equal(describeEnd(new Error("killed"), AbortSignal.abort(new StoppedByUser())), "stopped");
});
