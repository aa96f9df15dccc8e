/** The files of the image that are written from the configuration. Pure. */
import type { PassOn } from "../config/config.ts";
import { formatLoginFiles, type GeneratedFile, type LoginOptions } from "./login_files.ts";
import { formatPassOn, passOnService } from "./pass_on.ts";

export interface GeneratedFilesRequest extends Omit<LoginOptions, "hasNetboot" | "services"> {
  readonly netboot?: object;
  readonly passOn?: PassOn;
}

export function listGeneratedFiles(request: GeneratedFilesRequest): readonly GeneratedFile[] {
  const { passOn } = request;
  const login = { ...request, hasNetboot: request.netboot !== undefined };
  return passOn === undefined
    ? formatLoginFiles(login)
    : [...formatLoginFiles({ ...login, services: [passOnService] }), formatPassOn(passOn)];
}
