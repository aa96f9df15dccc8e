/**
 * Stage "secrets": the shared key, the agents' settings and a debugging image's password, an archive of their own that
 * nothing else is mixed with.
 */
import { encodeUtf8 } from "../../formats/text.ts";
import { AGENT_KEY_PATH, AGENT_SETTINGS_PATH, formatAgentSettings } from "../../formats/agent_settings.ts";
import { ENGINE_SECRET_PATH } from "../../formats/engine.ts";
import { buildCpio } from "../../formats/cpio.ts";
import { hashText } from "../../hash.ts";
import { formatDebugLogin } from "../login_files.ts";
import type { StageRecord } from "../stage_record.ts";
import type { StageContext } from "./context.ts";

export async function buildSecrets({ system, request, places, directory }: StageContext): Promise<StageRecord> {
  const key = await system.readFile(places.key);
  const secret = places.engineSecret === undefined ? [] : [{
    ...{ kind: "file", path: ENGINE_SECRET_PATH.slice(1), mode: 0o600 } as const,
    content: await system.readFile(places.engineSecret),
  }];
  const settings = encodeUtf8(formatAgentSettings(request.agentSettings));
  const login = formatDebugLogin(request).map(({ path, mode, content }) =>
    ({ kind: "file", path, mode, content: encodeUtf8(content) }) as const
  );
  const archive = buildCpio([
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "directory", path: "etc/stiefelsystem", mode: 0o700 },
    { kind: "file", path: AGENT_SETTINGS_PATH.slice(1), mode: 0o600, content: settings },
    { kind: "file", path: AGENT_KEY_PATH.slice(1), mode: 0o600, content: key },
    ...secret,
    ...login,
  ]);
  await system.writeFile(`${directory}/part.cpio`, archive, { mode: 0o600 });
  return {
    fingerprint: hashText(archive),
    part: "part.cpio",
    sizeBytes: archive.length,
    unpackedBytes: key.length + settings.length,
    summary: "not compressed, readable for its owner alone",
  };
}
