import { expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { ScriptedServer } from "../core/origins/sftp/scripted_server.ts";
import { Home } from "../program/cli.ts";
import { RAW_KEYS } from "../support/raw_bucket.ts";
import { RawHttpServer, reply } from "../support/raw_http.ts";
import { errorXml, listXml } from "../support/s3_answers.ts";

const KEYS = {
  CLOUD_ACCESS_KEY_ID: RAW_KEYS.accessKeyId,
  CLOUD_SECRET_ACCESS_KEY: RAW_KEYS.secretAccessKey,
};

interface HealthJson {
  readonly status: string;
  readonly origins: readonly {
    readonly id: string;
    readonly type: string;
    readonly status: string;
    readonly last_error: string | null;
  }[];
}

interface ScanJson {
  readonly origins: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly files: number;
    readonly reason: string | null;
  }[];
}

test("health and scan without a mount tell of origins of every type, well and broken (FR-13.1, F-5)", async () => {
  using home = new Home();
  const song = Buffer.from("song");
  await using ssh = await ScriptedServer.start({ tree: { "ssh.mp3": song } });
  await using bucket = await RawHttpServer.start((socket, { method }) => {
    if (method === "HEAD") reply(socket, 200);
    else reply(socket, 200, {}, listXml({ keys: [{ key: "s3.mp3" }] }));
  });
  for (const id of ["disk", "nas", "share"]) await home.music(id, { [`${id}.mp3`]: "song" });
  const origins: Readonly<Record<string, readonly string[]>> = {
    disk: ["--type", "local", "--path", "disk"],
    nas: ["--type", "nfs", "--path", "nas", "--require-mount=false"],
    share: ["--type", "smb", "--path", "share", "--require-mount=false"],
    cloud: [
      ...["--type", "s3", "--endpoint", bucket.endpoint, "--bucket", "music"],
      ...["--region", "us-east-1", "--credentials-env", "CLOUD"],
    ],
    attic: [
      ...["--type", "sftp", "--host", "127.0.0.1", "--port", `${ssh.port}`, "--user", "music"],
      ...["--path", "/music", "--identity-file", ssh.keyFile, "--known-hosts", ssh.knownHosts],
    ],
  };
  const musicfs = (...args: readonly string[]) => home.runWith(KEYS, ...args);
  for (const [id, flags] of Object.entries(origins)) {
    const added = await musicfs("origins", "add", id, ...flags);
    expect(added.stderr).toBe("");
    expect(added.code).toBe(0);
  }
  const ids = Object.keys(origins);

  const well = await musicfs("health", "--json");
  const { origins: healthy }: HealthJson = JSON.parse(well.stdout);
  expect(healthy.map(({ id, type, status }) => [id, type, status])).toEqual(
    ids.map((id) => [id, origins[id]?.[1] ?? "", "healthy"]),
  );
  expect(well.code).toBe(0);
  const scanned = await musicfs("scan", "--json");
  const { origins: complete }: ScanJson = JSON.parse(scanned.stdout);
  expect(complete.map(({ id, outcome, files }) => [id, outcome, files])).toEqual(
    ids.map((id) => [id, "complete", 1]),
  );
  expect(scanned.code).toBe(0);

  for (const id of ["disk", "nas", "share"]) {
    renameSync(join(home.path, id), join(home.path, `${id} elsewhere`));
  }
  bucket.answer = (socket, { method }) =>
    reply(socket, 403, {}, method === "HEAD" ? "" : errorXml("SignatureDoesNotMatch"));
  ssh.script = { authenticate: (context) => context.reject(["password"]) };
  const told: Readonly<Record<string, string>> = {
    disk: "mount its disk or correct the origin's path",
    nas: "mount its disk or correct the origin's path",
    share: "mount its disk or correct the origin's path",
    cloud: "check access key and secret",
    attic: "Set identity_file, load the key into the agent",
  };
  const sick = await musicfs("health", "--json");
  const { origins: unhealthy }: HealthJson = JSON.parse(sick.stdout);
  const failed = await musicfs("scan", "--json");
  const { origins: unscanned }: ScanJson = JSON.parse(failed.stdout);
  for (const [id, remedy] of Object.entries(told)) {
    const health = unhealthy.find((origin) => origin.id === id);
    expect(health).toMatchObject({
      status: "unhealthy",
      last_error: expect.stringContaining(remedy),
    });
    const scan = unscanned.find((origin) => origin.id === id);
    expect(scan).toMatchObject({ outcome: "failed", reason: expect.stringContaining(remedy) });
  }
  expect(sick.code).toBe(2);
  expect(failed.code).toBe(3);
  // For people too, and nothing of what was known is lost.
  const { stdout } = await musicfs("health");
  for (const remedy of Object.values(told)) expect(stdout).toContain(remedy);
  expect(unscanned.map(({ id }) => id)).toEqual(ids);
});
