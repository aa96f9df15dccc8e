/** What `deno bundle` and `deno compile` say when they fail -> what is wrong, and what to do about it. Pure. */
import { type CommandError, UserError } from "../errors.ts";

/** Deno prints a chain of causes, numbered; the last is the most telling. */
export function lastReason({ failure }: CommandError): string {
  const causes = (failure.lastLines ?? []).filter((line) => /^\s+\d+: /.test(line) && !line.includes("<unknown>"));
  const line = causes.at(-1) ?? failure.lastLines?.[0] ?? "it ended without a message";
  return line.replace(/^\s+\d+: /, "").trim();
}

/** @param what was to be made: "client agent" @returns the error itself when it is nothing that a user can mend */
export function explainDeno(what: string, error: CommandError): UserError | CommandError {
  const text = (error.failure.lastLines ?? []).join("\n");
  const reason = lastReason(error);
  const fail = (hints: readonly string[]): UserError =>
    new UserError(`The ${what} cannot be made: ${reason}`, { hints, cause: error });
  if (/No space left on device/.test(text)) return fail(['Make room, or name another folder with "--cache-dir"']);
  if (/certificate/i.test(text)) {
    return fail([
      "Deno fetches what it needs once, and does not trust what answers: a proxy with a certificate of its own?",
      "Name that certificate: DENO_CERT=/path/to/certificate.pem, or take the system's: DENO_TLS_CA_STORE=system",
    ]);
  }
  if (/failed to download|error sending request|dns error|lookup address|Import '?https?:/i.test(text)) {
    return fail([
      "Deno fetches what it needs once, from the npm registry: is this machine on the network?",
      "Behind a proxy: HTTPS_PROXY; a registry of your own: NPM_CONFIG_REGISTRY",
    ]);
  }
  return error;
}
