import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { CredentialsSource } from "../../../src/core/config/config.ts";
import { Secret } from "../../../src/core/config/secret.ts";
import { OriginError } from "../../../src/core/errors.ts";
import { CREDENTIALS_COMMAND_MS, CREDENTIALS_RETRY_MS } from "../../../src/core/limits.ts";
import {
  type Credentials,
  CredentialsProvider,
  type Environment,
} from "../../../src/core/origins/credentials.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const ID = "bucket" as OriginId;
const LINES = "# of the NAS\nUSERNAME=anna\n\nPASSWORD= pass=word \nPASSPHRASE=\n";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musicfs-credentials-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string, mode = 0o600): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function ask(source: CredentialsSource, env: Environment = {}): Promise<Credentials> {
  return new CredentialsProvider(ID, source, { env }).get();
}

/** The values as plain text, which `expect` may compare. */
function revealed(credentials: Credentials): Record<string, unknown> {
  const plain = (value: unknown) => (value instanceof Secret ? value.reveal() : value);
  return Object.fromEntries(Object.entries(credentials).map(([key, value]) => [key, plain(value)]));
}

async function failure(promise: Promise<unknown>): Promise<OriginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OriginError)) throw new Error(`not an OriginError: ${inspect(error)}`);
  expect(error.code).toBe("credentials");
  return error;
}

describe("CredentialsProvider from the environment", () => {
  const source = { from: "env", prefix: "MY_S3" } as const;

  test("takes the variables of its prefix", async () => {
    const env = { MY_S3_ACCESS_KEY_ID: "AK", MY_S3_SECRET_ACCESS_KEY: "sk", AWS_PROFILE: "x" };
    expect(revealed(await ask(source, env))).toEqual({ accessKeyId: "AK", secretAccessKey: "sk" });
  });

  test("names the variables when there are none, or half of a pair only", async () => {
    expect((await failure(ask(source, {}))).message).toBe(
      "origin bucket: the environment (MY_S3_…) holds no credentials; " +
        "give ACCESS_KEY_ID and SECRET_ACCESS_KEY for S3, PASSWORD or PASSPHRASE for SFTP",
    );
    const half = await failure(ask(source, { MY_S3_SECRET_ACCESS_KEY: "hidden-value" }));
    expect(half.message).toContain("only one of ACCESS_KEY_ID and SECRET_ACCESS_KEY");
    expect(inspect(half)).not.toContain("hidden-value");
  });
});

describe("CredentialsProvider from a file", () => {
  test("reads KEY=value lines as they are written", async () => {
    const path = write("secrets", LINES);
    const credentials = await ask({ from: "file", path });
    expect(revealed(credentials)).toEqual({ username: "anna", password: " pass=word " });
    expect(inspect(credentials)).not.toContain("pass=word");
  });

  test("reads what credential_process tools write", async () => {
    const path = write(
      "json",
      JSON.stringify({
        Version: 1,
        AccessKeyId: "AK",
        SecretAccessKey: "sk",
        SessionToken: "st",
        Expiration: "2100-01-01T00:00:00Z",
      }),
    );
    expect(revealed(await ask({ from: "file", path }))).toEqual({
      accessKeyId: "AK",
      secretAccessKey: "sk",
      sessionToken: "st",
      expiresAtMs: Date.UTC(2100, 0, 1),
    });
  });

  test("looks a bare name up where systemd puts credentials, which its group may read", async () => {
    write("nas", "PASSWORD=pw\n", 0o440);
    const found = await ask({ from: "file", path: "nas" }, { CREDENTIALS_DIRECTORY: directory });
    expect(revealed(found)).toEqual({ password: "pw" });
    const missing = await failure(ask({ from: "file", path: "nas" }));
    expect(missing.message).toContain("LoadCredential=");
  });

  test("refuses a file that others can read, and says how to close it", async () => {
    for (const mode of [0o644, 0o640, 0o602]) {
      const { message } = await failure(ask({ from: "file", path: write("open", LINES, mode) }));
      expect(message).toContain("open to others");
      expect(message).toContain("chmod 600");
    }
    write("nas", LINES, 0o444);
    const env = { CREDENTIALS_DIRECTORY: directory };
    await failure(ask({ from: "file", path: "nas" }, env));
  });

  test("quotes nothing of a file it cannot understand", async () => {
    for (const text of [
      "top-secret\n",
      "PASSWORT=top-secret\n",
      '{"SecretAccessKey": "top-secret',
    ]) {
      const error = await failure(ask({ from: "file", path: write("odd", text) }));
      expect(inspect(error)).not.toContain("top-secret");
    }
    const { message } = await failure(
      ask({ from: "file", path: write("odd", "USERNAME=a\nPASSWORT=x") }),
    );
    expect(message).toContain("line 2");
  });

  test("says what is wrong with a missing file, a directory and one without end", async () => {
    const missing = await failure(ask({ from: "file", path: join(directory, "none") }));
    expect(missing.message).toContain("ENOENT");
    await failure(ask({ from: "file", path: directory }));
    const long = write("long", `PASSWORD=${"x".repeat(100_000)}`);
    expect((await failure(ask({ from: "file", path: long }))).message).toContain("too long");
  });
});

describe("CredentialsProvider from a command", () => {
  test("takes its output and lets nothing of its standard error through", async () => {
    const command = "echo top-secret >&2; echo USERNAME=anna; echo PASSWORD=pw";
    expect(revealed(await ask({ from: "command", command }))).toEqual({
      username: "anna",
      password: "pw",
    });
    const error = await failure(ask({ from: "command", command: "echo top-secret >&2; exit 3" }));
    expect(error.message).toContain("exit code 3");
    expect(inspect(error)).not.toContain("top-secret");
  });

  test("ends a command that takes too long, with all it started", async () => {
    const clock = new VirtualClock();
    const pidFile = join(directory, "pid");
    const command = `sleep 600 & echo $! > ${pidFile}; wait`;
    const provider = new CredentialsProvider(ID, { from: "command", command }, { clock });
    const asked = failure(provider.get());
    while (!(await Bun.file(pidFile).exists()) || readFileSync(pidFile, "utf8") === "") {
      await Bun.sleep(5);
    }
    await clock.advance(CREDENTIALS_COMMAND_MS);
    expect((await asked).message).toContain("did not end within 30 s");
    const pid = Number(readFileSync(pidFile, "utf8"));
    const gone = () => /^State:\s+[ZX]/m.test(statusOf(pid));
    while (!gone()) await Bun.sleep(5);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends a command that prints without end", async () => {
    const error = await failure(ask({ from: "command", command: "yes" }));
    expect(error.message).toContain("printed too much");
  });
});

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "State:\tX";
    throw error;
  }
}

describe("CredentialsProvider", () => {
  /** Counts how often it is asked; the answer is how often. */
  function counting(passwords: readonly (string | undefined)[]) {
    let asked = 0;
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get(_target, name) {
          if (name === "S_PASSWORD") return passwords[asked++];
          return undefined;
        },
      },
    );
    const clock = new VirtualClock();
    const source = { from: "env", prefix: "S" } as const;
    const provider = new CredentialsProvider(ID, source, { env, clock });
    return { provider, clock, asked: () => asked };
  }

  test("asks once for all, and again a minute after a refusal", async () => {
    const { provider, clock, asked } = counting(["old", "new"]);
    const [first, second] = await Promise.all([provider.get(), provider.get()]);
    expect(first).toBe(second);
    provider.refused();
    expect(revealed(await provider.get())).toEqual({ password: "old" });
    expect(asked()).toBe(1);
    await clock.advance(CREDENTIALS_RETRY_MS);
    expect(revealed(await provider.get())).toEqual({ password: "new" });
    expect(revealed(await provider.get())).toEqual({ password: "new" });
    expect(asked()).toBe(2);
  });

  test("keeps a failure for a minute, then asks again", async () => {
    const { provider, clock, asked } = counting([undefined, "there"]);
    await failure(provider.get());
    await failure(provider.get());
    expect(asked()).toBe(1);
    await clock.advance(CREDENTIALS_RETRY_MS);
    expect(revealed(await provider.get())).toEqual({ password: "there" });
  });

  test("asks again for credentials that have ended", async () => {
    const clock = new VirtualClock();
    const json = (key: string, endMs: number) =>
      JSON.stringify({
        AccessKeyId: key,
        SecretAccessKey: "s",
        Expiration: new Date(endMs).toISOString(),
      });
    const path = write("json", json("first", clock.wallMs() + 3_600_000));
    const provider = new CredentialsProvider(ID, { from: "file", path }, { env: {}, clock });
    expect((await provider.get()).accessKeyId).toBe("first");
    write("json", json("second", clock.wallMs() + 7_200_000));
    expect((await provider.get()).accessKeyId).toBe("first");
    await clock.advance(3_600_000);
    expect((await provider.get()).accessKeyId).toBe("second");
  });

  test("lets a caller go who gives up, and no other", async () => {
    const provider = new CredentialsProvider(
      ID,
      { from: "command", command: "sleep 0.2; echo PASSWORD=pw" },
      {},
    );
    const impatient = provider.get(AbortSignal.timeout(10));
    const patient = provider.get();
    expect(await impatient.catch((error: unknown) => error)).toMatchObject({ code: "cancelled" });
    expect(revealed(await patient)).toEqual({ password: "pw" });
  });
});
