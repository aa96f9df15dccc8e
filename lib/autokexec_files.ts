/** The autokexec agent's files beside the image: written by create-initrd, installed by setup-server. */
export const autokexecFiles = {
  /** Form "compile": the whole agent. */
  program: "autokexec-agent",
  /** Form "bundle": the agent, and the Deno that runs it. */
  script: "autokexec-agent.js",
  runtime: "deno",
} as const;
