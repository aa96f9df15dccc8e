import { debian } from "./debian.ts";
import type { Distribution } from "./distribution.ts";

export const ubuntu: Distribution = {
  ...debian,
  id: "ubuntu",
  name: "Ubuntu",
  osReleaseIds: ["ubuntu"],
  // Since 25.10 a fresh install has dracut (Ubuntu 25.10 release notes).
  newDefault: { sinceVersion: "25.10", generator: "dracut" },
};
