/**
 * Test servers for shell scripts and people:
 *
 *   bun scripts/servers/cli.ts start s3|sshd|smb --root DIR [--port N] [--password] [--sftp-only]
 *   bun scripts/servers/cli.ts env   s3|sshd|smb --root DIR
 *   bun scripts/servers/cli.ts stop  s3|sshd|smb --root DIR
 *
 * `start` returns when the server answers, leaves it running, and prints `export NAME='value'`
 * lines, as `env` does; a server that runs already is left as it is. DIR and its data stay after
 * `stop`. Exit 0 done, 1 failed (`env`: not running), 2 wrong usage.
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { startS3 } from "./s3.ts";
import { recorded, stopRecorded } from "./server.ts";
import { startSmb, stopSmb } from "./smb.ts";
import { startSshd } from "./sshd.ts";

const USAGE =
  "usage: cli.ts start|stop|env s3|sshd|smb --root DIR [--port N] [--password] [--sftp-only]";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    root: { type: "string" },
    port: { type: "string" },
    password: { type: "boolean" },
    "sftp-only": { type: "boolean" },
  },
});
const [action, kind] = positionals;
if (values.root === undefined) usage("--root is missing");
const root = resolve(values.root);
const options = {
  root,
  tied: false,
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
};

switch (action) {
  case "start":
    if (recorded(root) === undefined) await start();
    printEnv();
    break;
  case "env":
    printEnv();
    break;
  case "stop":
    await (kind === "smb" ? stopSmb(root) : stopRecorded(root));
    break;
  default:
    usage(`unknown action: ${action}`);
}

async function start(): Promise<void> {
  switch (kind) {
    case "s3":
      await startS3(options);
      break;
    case "sshd":
      await startSshd({
        ...options,
        login: values.password === true ? "password" : "key",
        sftpOnly: values["sftp-only"] === true,
      });
      break;
    case "smb":
      await startSmb(options);
      break;
    default:
      usage(`unknown server: ${kind}`);
  }
}

function printEnv(): void {
  const server = recorded(root);
  if (server === undefined) {
    process.stderr.write(`no server runs under ${root}\n`);
    process.exit(1);
  }
  for (const [name, value] of Object.entries(server.env)) {
    process.stdout.write(`export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
  }
}

function usage(problem: string): never {
  process.stderr.write(`${problem}\n${USAGE}\n`);
  process.exit(2);
}
