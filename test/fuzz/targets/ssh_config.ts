import { SftpFault } from "../../../src/core/origins/sftp/errors.ts";
import { resolveSshHost } from "../../../src/core/origins/sftp/ssh_config.ts";
import { type FuzzTarget, fuzzed, must, orElse, textOf } from "../target.ts";

const LOCAL = "me";

/** A client configuration gives a host, or is refused for a reason; nothing it includes loops. */
export const sshConfig: FuzzTarget = {
  name: "ssh_config",
  seeds: [
    "Host nas *.lan !bad\n  HostName=10.0.0.2\n  Port 2222\n  User music\n  IdentityFile ~/.ssh/%h_%r\n",
    'Include other\nMatch host nas exec "true"\n  ProxyJump gate\nMatch all\n  Port 22\n',
    'Host "nas"\n\tIdentityFile "a b" # comment\n\nHost *\n  ProxyCommand none\n',
  ].map((text) => Buffer.from(text)),
  tokens: [
    ...["Host ", "Match ", "Include ", "HostName ", "Port ", "User ", "IdentityFile ", "all"],
    ...["nas", "*", "?", "!", '"', "=", "%h", "%%", "~/", "config", "other", "\n"],
  ],
  smokeInputs: 10_000,
  start: () =>
    fuzzed((input) => {
      const text = textOf(input);
      const query = {
        alias: "nas",
        sources: [{ path: "/home/me/.ssh/config", directory: "/home/me/.ssh" }],
        // One include leads back to the file itself.
        files: {
          read: () => text,
          glob: (pattern: string) => (pattern.includes("*") ? [] : [pattern]),
        },
        home: "/home/me",
        localUser: LOCAL,
        overridden: new Set<string>(),
      };
      orElse(
        () => {
          const { port, hostName } = resolveSshHost(query);
          must(port === undefined || (port >= 1 && port <= 65_535), `port ${port}`);
          must(typeof hostName === "string", "no host");
        },
        (error) => error instanceof SftpFault,
      );
    }),
};
