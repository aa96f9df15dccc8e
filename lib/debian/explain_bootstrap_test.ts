import assert from "node:assert/strict";
import { explainBootstrap } from "./explain_bootstrap.ts";

const plan = { suite: "trixi", mirror: "http://mirror.example/debian" };

/** Words of apt 2.6 with mmdebstrap 1.3.5, as they came; of others from apt's sources. */
const cases: readonly (readonly [name: string, said: string, found: RegExp, hint: RegExp])[] = [
  [
    "a suite that is not there",
    "Err:2 http://m trixi Release\n  404  Not Found [IP: 203.0.113.80 80]\nE: The repository 'http://m trixi Release' does not have a Release file.",
    /^the mirror http:\/\/mirror.example\/debian has no suite "trixi"$/,
    /http:\/\/mirror.example\/debian\/dists\//,
  ],
  [
    "no name server",
    "  Could not resolve 'mirror.example'\nE: Failed to fetch http://m  Could not resolve 'mirror.example'\nE: Some index files failed to download.",
    /the name "mirror.example" cannot be looked up/,
    /on the network/,
  ],
  [
    "a name server that does not answer",
    "  Temporary failure resolving 'mirror.example'",
    /the name "mirror.example" cannot be looked up/,
    /name server/,
  ],
  [
    "nothing listens",
    "  Could not connect to 127.0.0.1:1878 (127.0.0.1). - connect (111: Connection refused)",
    /does not answer \(127.0.0.1:1878\)/,
    /firewall/,
  ],
  ["no answer in time", "  Connection timed out", /does not answer$/, /another mirror/],
  [
    "no way",
    "  Cannot initiate the connection to mirror.example:80 (2001:db8::1). - connect (101: Network is unreachable)",
    /does not answer \(mirror.example:80\)/,
    /network/,
  ],
  [
    "a log-in page",
    "  Clearsigned file isn't valid, got 'NOSPLIT' (does the network require authentication?)\nE: The repository 'http://m trixie InRelease' is not signed.",
    /something other than the mirror answers at .*log-in page/,
    /browser/,
  ],
  [
    "a proxy with a password",
    "  407  Proxy Authentication Required [IP: 127.0.0.1 1877]",
    /a proxy wants a name and a password/,
    /apt-config/,
  ],
  [
    "a server that is overloaded",
    "  503  Service Unavailable [IP: 127.0.0.1 1877]",
    /refuses: 503 Service Unavailable/,
    /Try again/,
  ],
  [
    "a clock that is behind",
    "E: Release file for http://m/InRelease is not valid yet (invalid for another 10408d 0h 32min 43s). Updates for this repository will not be applied.",
    /from the future by 10408d 0h 32min 43s: the clock/,
    /date/,
  ],
  [
    "a clock that is ahead",
    "E: Release file for http://m/InRelease is expired (invalid since 8d 15h 27min 17s). Updates",
    /expired 8d 15h 27min 17s ago: the clock/,
    /set-ntp/,
  ],
  [
    "an unknown key",
    "E: The repository is not signed.\nW: GPG error: http://m trixie InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131",
    /not signed by a key that this machine trusts/,
    /debian-archive-keyring/,
  ],
  [
    "an unknown key, in apt 3",
    "Err:1 http://m trixie InRelease\n  Sub-process /usr/bin/sqv returned an error code (1), error message is: Missing key 4CB50190207B4758A3F73A796ED0E7B82643E131, which is needed to verify signature.",
    /not signed by a key/,
    /debian-archive-keyring/,
  ],
  [
    "a full disk",
    "  Write error - write (28: No space left on device)\nE: Some index files failed to download.",
    /^no space is left$/,
    /--cache-dir/,
  ],
  [
    "a disk that would be full",
    "E: You don't have enough free space in /c/x/var/cache/apt/archives/.",
    /no space is left in \/c\/x\/var\/cache\/apt\/archives\//,
    /--cache-dir/,
  ],
  [
    "a package that is not there",
    "E: Unable to locate package nosuchpkg",
    /no package "nosuchpkg" in Debian trixi/,
    /include-packages/,
  ],
  [
    "a package without a version",
    "E: Package 'firmware-x' has no installation candidate",
    /no package "firmware-x"/,
    /include-packages/,
  ],
  [
    "a mirror in between",
    "E: Failed to fetch http://m/Packages.xz  File has unexpected size (1 != 2). Mirror sync in progress?",
    /being brought up to date/,
    /Try again/,
  ],
  [
    "wget: a suite that is not there",
    "http://m/InRelease:\n2026-11-30 15:28:41 ERROR 404: Not Found.",
    /has no suite "trixi"/,
    /dists/,
  ],
  ["wget: a server that is overloaded", "ERROR 503: Service Unavailable.", /refuses: 503 Service Unavailable/, /Try/],
  ["wget: a proxy with a password", "ERROR 407: Proxy Authentication Required.", /a proxy wants/, /apt-config/],
  [
    "wget: no name server",
    "wget: unable to resolve host address ‘mirror.example’",
    /the name "mirror.example" cannot be looked up/,
    /on the network/,
  ],
  [
    "wget: nothing listens",
    "Connecting to 127.0.0.1:1... failed: Connection refused.",
    /does not answer \(127.0.0.1:1\)$/,
    /firewall/,
  ],
  [
    "wget2: a suite that is not there",
    "HTTP ERROR response 404 Not Found [http://m/dists/trixi/InRelease]",
    /has no suite "trixi"/,
    /dists/,
  ],
  ["wget2: a server that refuses", "HTTP ERROR response 403 Forbidden [http://m/]", /refuses: 403 Forbidden$/, /Try/],
  [
    "wget2: no name server",
    "Failed to resolve mirror.example (No address associated with hostname)",
    /the name "mirror.example" cannot be looked up/,
    /on the network/,
  ],
  ["wget2: nothing listens", "Failed to write 212 bytes (111: Connection refused)", /does not answer$/, /firewall/],
  [
    "debootstrap: an unknown key",
    "E: Release signed by unknown key (key id 6ED0E7B82643E131)\n   The specified keyring /k may be incorrect",
    /not signed by a key of Debian's that comes with stiefelsystem/,
    /newer stiefelsystem/,
  ],
  [
    "debootstrap: a list that was changed",
    "E: Invalid Release signature (key id 6ED0E7B82643E131)",
    /not signed by a key of Debian's that comes with stiefelsystem/,
    /newer stiefelsystem/,
  ],
  [
    "a user without ids",
    "E: newuidmap 123 0 1000 1 1 100000 65536 failed: \nnewuidmap: uid range [1-65537) -> [100000-165536) not allowed",
    /user namespace/,
    /usermod --add-subuids/,
  ],
];

for (const [name, said, found, hint] of cases) {
  Deno.test(`P8: mmdebstrap fails: ${name}`, () => {
    const noise = ["E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> failed", "E: mmdebstrap failed to run"];
    const explanation = explainBootstrap([...said.split("\n"), ...noise], plan);
    assert.match(explanation?.found ?? "", found);
    assert.match(explanation?.hints.join("\n") ?? "", hint);
  });
}

Deno.test("what is not known is not explained", () => {
  assert.equal(
    explainBootstrap(["E: something else", "I: main() received signal PIPE: waiting for setup..."], plan),
    undefined,
  );
});
