/** Credentials that a command prints, as password managers and `credential_process` tools do. */

import { spawn } from "node:child_process";
import type { Clock } from "../../clock.ts";
import { CREDENTIALS_COMMAND_MS } from "../../limits.ts";
import {
  CREDENTIALS_MAX_BYTES,
  type Credentials,
  parseCredentials,
  UnusableCredentials,
} from "./credentials.ts";

const WHERE = "the output of the credentials command";

/**
 * Runs `command` by `/bin/sh -c` without input. Its standard error goes nowhere: tools print there
 * what must not get into logs. All it started is ended when it takes too long or prints too much.
 */
export async function fromCommand(command: string, clock: Clock): Promise<Credentials> {
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (problem: string) => {
    endGroup(child.pid);
    child.stdout.destroy();
    reject(
      new UnusableCredentials(`the credentials command ${problem}; run it by hand to see why`),
    );
  };
  using _limit = clock.schedule(CREDENTIALS_COMMAND_MS, () =>
    fail(`did not end within ${CREDENTIALS_COMMAND_MS / 1000} s`),
  );
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > CREDENTIALS_MAX_BYTES) fail("printed too much");
    else chunks.push(chunk);
  });
  child.once("error", () => fail("could not be started"));
  child.once("close", (code, signal) => {
    if (code === 0) resolve(Buffer.concat(chunks).toString("utf8"));
    else fail(code === null ? `was ended by ${signal}` : `failed with exit code ${code}`);
  });
  return parseCredentials(await promise, WHERE);
}

/** The command leads a process group of its own, so that what it started ends with it. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    const gone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!gone) throw error;
  }
}
