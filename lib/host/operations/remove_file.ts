/** Removes a file that is in the way of ours, keeping a copy. Undone by restore_file.ts. */

import type { HostPath } from "../host_path.ts";
import type { Described, OperationKind } from "../operation.ts";
import { removeFile as removePath } from "../replace_file.ts";
import { changeFile, inspectFile } from "./change_file.ts";

export interface RemoveFile extends Described {
  readonly kind: "remove-file";
  readonly path: HostPath;
}

export const removeFile: OperationKind<RemoveFile> = {
  kind: "remove-file",
  isProgram: false,
  inspect: (host, operation) =>
    inspectFile(host, operation, {
      after: { kind: "absent" },
      isSecret: false,
      readText: () => Promise.resolve(undefined),
    }),
  perform: (host, { path }, inspection) =>
    changeFile(host, { path, isSecret: false, inspection, change: (before) => removePath(host, path, before) }),
};
