import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { resolveProjectPaths, userCacheDir } from "./paths.ts";

const env = { HOME: "/home/me" };

Deno.test("without settings everything is in the project, the cache in the user's cache folder", () => {
  assert.deepEqual(resolveProjectPaths({ projectDir: "/src/stiefel", env }), {
    configFile: "/src/stiefel/config.yaml",
    keyFile: "/src/stiefel/aes-key",
    cacheDir: "/home/me/.cache/stiefelsystem",
    outDir: "/src/stiefel/build",
  });
});

Deno.test("the configuration's paths start at the project, the command line's win", () => {
  const configured = { cache: "cache", workdir: "../out/" };
  const paths = resolveProjectPaths({ projectDir: "/src/stiefel", env, configured });
  assert.deepEqual([paths.cacheDir, paths.outDir], ["/src/stiefel/cache", "/src/out"]);
  const given = { config: "/etc/c.yaml", outDir: "b", cacheDir: "/var/cache/x" };
  const more = resolveProjectPaths({ projectDir: "/src/stiefel", env, configured, given });
  assert.deepEqual([more.configFile, more.cacheDir, more.outDir], ["/etc/c.yaml", "/var/cache/x", "/src/stiefel/b"]);
});

Deno.test("an installed program has its configuration and key in one folder, what it makes in another", () => {
  const places = { projectDir: "/usr/share/s", configDir: "/etc/s", stateDir: "/var/lib/s", workingDirectory: "/root" };
  const paths = resolveProjectPaths({ ...places, env, configured: { cache: "c" }, given: { config: "my.yaml" } });
  assert.deepEqual([paths.configFile, paths.keyFile], ["/root/my.yaml", "/etc/s/aes-key"]);
  assert.deepEqual([paths.outDir, paths.cacheDir], ["/var/lib/s/build", "/var/lib/s/c"]);
  assert.equal(resolveProjectPaths({ ...places, env }).configFile, "/etc/s/config.yaml");
});

Deno.test("the cache folder follows the XDG rules", () => {
  assert.equal(userCacheDir({ ...env, XDG_CACHE_HOME: "/c" }), "/c/stiefelsystem");
  assert.equal(userCacheDir({ ...env, XDG_CACHE_HOME: "relative" }), "/home/me/.cache/stiefelsystem");
  assert.equal(userCacheDir({ ...env, XDG_CACHE_HOME: "" }), "/home/me/.cache/stiefelsystem");
  for (const bad of [{}, { HOME: "" }, { HOME: "me" }]) assert.throws(() => userCacheDir(bad), UserError);
});

Deno.test("what needs no cache needs no home; what does is told so", () => {
  const paths = resolveProjectPaths({ projectDir: "/p", env: {} });
  assert.deepEqual([paths.configFile, paths.outDir], ["/p/config.yaml", "/p/build"]);
  assert.throws(() => paths.cacheDir, /found no HOME in the environment/);
});

Deno.test("a cache folder that is given needs no home", () => {
  assert.equal(resolveProjectPaths({ projectDir: "/p", env: {}, given: { cacheDir: "c" } }).cacheDir, "/p/c");
});

Deno.test("paths of the command line start where the user is, all others in the project", () => {
  const paths = resolveProjectPaths({
    projectDir: "/project",
    workingDirectory: "/home/me",
    env: { HOME: "/home/me" },
    given: { config: "my.yaml", outDir: "../out" },
    configured: { cache: "cache" },
  });
  assert.equal(paths.configFile, "/home/me/my.yaml");
  assert.equal(paths.outDir, "/home/out");
  assert.equal(paths.cacheDir, "/project/cache");
  assert.equal(paths.keyFile, "/project/aes-key");
});
