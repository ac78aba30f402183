import {
  judgeHostKey,
  knownKeyTypes,
  namesHost,
  parseKnownHosts,
  withHostKey,
} from "../../../src/core/origins/sftp/known_hosts.ts";
import { string } from "../../core/origins/sftp/wire.ts";
import { type FuzzTarget, fuzzed, must, textOf } from "../target.ts";

const key = (type: string, byte: number) =>
  Buffer.concat([string(type), string(Buffer.alloc(32, byte))]);
const MINE = key("ssh-ed25519", 1);
const OTHER = key("ssh-ed25519", 2).toString("base64");
const RSA = key("ssh-rsa", 3).toString("base64");

/** Whatever a known_hosts file says, a key that is not in it is not known, and one put in is. */
export const knownHosts: FuzzTarget = {
  name: "known_hosts",
  seeds: [
    `nas,10.0.0.2 ssh-ed25519 ${OTHER} comment\n[nas]:2222 ssh-rsa ${RSA}\n`,
    `# people's\n@revoked * ssh-ed25519 ${OTHER}\n@cert-authority *.lan ssh-rsa ${RSA}\n`,
    `|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 ${OTHER}\n`,
    `!nas,* ssh-rsa ${RSA}\n\n*?*?* ssh-ed25519 ${OTHER}`,
  ].map((text) => Buffer.from(text)),
  tokens: ["nas", "[nas]:2222", "@revoked ", "@cert-authority ", "|1|", ",", "!", "*", "\n", OTHER],
  smokeInputs: 10_000,
  start: () =>
    fuzzed((input) => {
      const text = textOf(input);
      const entries = parseKnownHosts(text);
      for (const { hosts } of entries) namesHost(hosts, "nas");
      for (const port of [22, 2222]) {
        // The inputs are made of other keys.
        const before = judgeHostKey(entries, "nas", port, MINE);
        const isIn = entries.some((entry) => entry.key.equals(MINE));
        must(isIn || before.status !== "known", "a key is known that was never recorded");
        must(
          knownKeyTypes(entries, "nas", port).every((type) => type !== ""),
          "an empty type",
        );
        const recorded = parseKnownHosts(withHostKey(text, "nas", port, MINE));
        const { status } = judgeHostKey(recorded, "nas", port, MINE);
        must(status !== "unknown", "a key that was recorded is not known");
        must(status !== "changed" || before.status === "changed", "recording changes the verdict");
      }
    }),
};
