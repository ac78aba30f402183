import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../src/core/config/problem.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { CONTROL_BODY_BYTES } from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import type { ScanSums } from "../../../src/core/sync/scan_origins.ts";
import { Controlled, FakeMount, scanned } from "./controlled.ts";

const disk = "disk" as OriginId;

describe("ControlServer", () => {
  test("makes a socket that only its user may use, and removes it", async () => {
    await using controlled = new Controlled();
    const mount = new FakeMount(controlled.path("cache"), `/mnt/${"m".repeat(200)}`);
    controlled.serve(mount);
    const [name = ""] = readdirSync(controlled.directory);
    expect(name).toMatch(/^m{32}-[0-9a-f]{16}\.sock$/);
    expect(statSync(controlled.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(controlled.directory, name)).mode & 0o777).toBe(0o600);
    expect((await (await controlled.client()).status()).mount_point).toBe(
      mount.identity.mountPoint,
    );
    await controlled.close();
    expect(readdirSync(controlled.directory)).toEqual([]);
  });

  test("serves below a path longer than a socket's address", async () => {
    await using controlled = new Controlled();
    const home = controlled.path("h".repeat(150));
    Object.defineProperty(controlled, "directory", { value: join(home, "musicfs") });
    controlled.serve();
    expect((await (await controlled.client()).status()).library.files).toBe(12);
  });

  test("tells the state of the mount and of its origins", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    controlled.events.emit({ type: "recovered", origin: disk });
    const client = await controlled.client();
    expect(await client.status()).toMatchObject({
      version: "0.0.0 (test)",
      pid: process.pid,
      config_file: "/etc/musicfs/config.toml",
      started: "2026-01-01T00:00:00.000Z",
      status: "healthy",
      origins: [
        { id: "disk", type: "local", status: "healthy", reads: 3, bytes: 4096 },
        { id: "attic", enabled: false, status: "unknown" },
      ],
      library: { files: 12, files_without_proved_replica: 1 },
      latest_event: expect.stringMatching(/^[0-9a-f]{8}-1$/),
    });
    const { status, origins } = await client.origins();
    expect([status, origins.length]).toEqual(["healthy", 2]);
    expect(origins[0]).toMatchObject({
      id: "disk",
      latency_p50_ms: 0.412,
      last_check: "2026-01-02T00:00:00.000Z",
      settings: { path: "/srv/music", credentials: null, operation_timeout_ms: 30_000 },
    });
  });

  test("checks an origin (F-7), and says which there are for one there is not", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const client = await controlled.client();
    expect(await client.check("disk")).toMatchObject({ id: "disk", status: "healthy" });
    expect(mount.asked).toEqual([["check", "disk"]]);
    await expect(client.check("dusk")).rejects.toMatchObject({
      code: "usage",
      message: 'there is no origin "dusk"; did you mean "disk"?',
    });
    await expect(client.check("../scan")).rejects.toMatchObject({ code: "usage" });
    expect(mount.asked).toHaveLength(1);
  });

  test("passes changes of origins on, and their failures back", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const client = await controlled.client();
    const values = { id: "disk", origin_type: "local", path: "/srv/music" };
    expect(await client.addOrigin(values)).toMatchObject({
      changed: true,
      file: "/etc/musicfs/config.toml",
      origin: { id: "disk" },
    });
    await client.changeOrigin("disk", { enabled: false }, ["cache"]);
    await client.removeOrigin("disk");
    expect(mount.asked).toEqual([
      ["change", { kind: "add", values }],
      ["change", { kind: "set", id: "disk", values: { enabled: false }, unset: ["cache"] }],
      ["change", { kind: "remove", id: "disk" }],
    ]);
    const problem = { source: "/c.toml", line: 3, column: 1, key: "origins", message: "is wrong" };
    mount.changing = () => Promise.reject(new ConfigError([problem]));
    const failed = client.addOrigin(values);
    await expect(failed).rejects.toBeInstanceOf(ConfigError);
    await expect(failed).rejects.toMatchObject({ problems: [problem] });
    mount.changing = () => Promise.reject(new OwnError("busy", "somebody edits"));
    await expect(client.removeOrigin("disk")).rejects.toMatchObject({ code: "busy" });
  });

  test("reads the configuration again", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    mount.reloading = () =>
      Promise.resolve({ file: "/c.toml", changed: true, needsRemount: ["health"] });
    expect(await (await controlled.client()).reload()).toEqual({
      ...{ file: "/c.toml", changed: true, origins: 2, needs_remount: ["health"] },
    });
  });

  test("a failure that is a bug is told as one, and the server goes on", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    mount.reloading = () => Promise.reject(new TypeError("undefined is not a function"));
    const client = await controlled.client();
    await expect(client.reload()).rejects.toMatchObject({ code: "internal" });
    expect(controlled.faults).toEqual(["a control request failed: undefined is not a function"]);
    expect((await client.status()).pid).toBe(process.pid);
  });
});

describe("POST /v1/scan", () => {
  test("answers one object, or progress and it when lines are asked for", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const plain = await controlled.post("/v1/scan", {});
    expect(await plain.json()).toMatchObject({
      outcome: "complete",
      totals: { files: 2 },
      origins: [{ id: "disk", outcome: "complete", elapsed_ms: 5 }],
    });
    const gate = Promise.withResolvers<void>();
    mount.scanning = async ({ origins, onProgress }) => {
      onProgress({ files: 7, directories: 2, pending: 1, knownFiles: 9 });
      await gate.promise;
      return { origins: origins.map(scanned) };
    };
    const seen: ScanSums[] = [];
    const client = await controlled.client();
    const request = { origins: [disk], allow_empty: true, wait: true };
    const result = await client.scan(request, (sums) => {
      seen.push(sums);
      gate.resolve();
    });
    expect([result.totals.files, seen]).toEqual([
      2,
      [{ files: 7, directories: 2, pending: 1, knownFiles: 9 }],
    ]);
    expect(mount.asked).toEqual([
      ["scan", { origins: ["disk"], allowEmpty: false, wait: false, full: false }],
      ["scan", { origins: ["disk"], allowEmpty: true, wait: true, full: false }],
    ]);
  });

  test("refuses unknown and disabled origins before anything is scanned", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const client = await controlled.client();
    await expect(client.scan({ origins: ["nas" as OriginId] })).rejects.toThrow(
      'there is no origin "nas"',
    );
    await expect(client.scan({ origins: ["attic" as OriginId] })).rejects.toThrow(
      "disabled: attic; see musicfs origins enable",
    );
    expect(mount.asked).toEqual([]);
  });

  test("a scan that fails as a whole rejects after its progress", async () => {
    await using controlled = new Controlled();
    controlled.serve().scanning = () => Promise.reject(new OwnError("catalog", "disk full"));
    const client = await controlled.client();
    await expect(client.scan({})).rejects.toMatchObject({ code: "catalog", message: "disk full" });
  });

  test("a server that ends meanwhile is told of", async () => {
    await using controlled = new Controlled();
    controlled.serve().scanning = () => new Promise(() => undefined);
    const client = await controlled.client();
    const scan = client.scan({}, () => undefined);
    await Bun.sleep(50);
    await controlled.close();
    await expect(scan).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("requests that are wrong", () => {
  const json = { "content-type": "application/json" };
  const cases: readonly [what: string, status: number, path: string, init?: RequestInit][] = [
    ["an unknown path", 404, "/v2/status"],
    ["an unknown path below an origin", 404, "/v1/origins/disk/explode", { method: "POST" }],
    ["the wrong method", 405, "/v1/status", { method: "DELETE" }],
    ["a parameter that is not known", 400, "/v1/status?verbose=1"],
    ["a parameter given twice", 400, "/v1/events?follow=true&follow=false"],
    ["a parameter with a wrong value", 400, "/v1/events?type=explosion&follow=false"],
    ["a body of no JSON", 400, "/v1/scan", { method: "POST", headers: json, body: "{" }],
    ["a body without its type", 415, "/v1/scan", { method: "POST", body: "{}" }],
    ["no body where one is needed", 400, "/v1/origins", { method: "POST" }],
    [
      "a body where none belongs",
      400,
      "/v1/reload",
      { method: "POST", headers: json, body: "[1]" },
    ],
    ["a field that is not known", 400, "/v1/scan", post({ all: true })],
    ["a field of a wrong type", 400, "/v1/scan", post({ wait: "yes" })],
    ["an origin's id that is none", 400, "/v1/scan", post({ origins: ["../etc"] })],
    ["settings that are none", 400, "/v1/origins", post({ settings: [1] })],
    ["a setting of no type", 400, "/v1/origins", post({ settings: { path: { a: { b: 1 } } } })],
    ["a body too long", 413, "/v1/scan", post({ a: "x".repeat(CONTROL_BODY_BYTES) })],
  ];
  function post(body: unknown): RequestInit {
    return { method: "POST", headers: json, body: JSON.stringify(body) };
  }
  test.each(cases)("%s: %i, and nothing is done", async (...[, status, path, init]) => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const response = await controlled.request(path, init);
    expect(response.status).toBe(status);
    if (status !== 413) {
      expect(await response.json()).toMatchObject({
        error: { code: "usage", message: expect.any(String) },
      });
    }
    expect([mount.asked, controlled.faults]).toEqual([[], []]);
  });

  test("a body in pieces is bounded, too", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(" ".repeat(CONTROL_BODY_BYTES / 2 + 1)));
      },
    });
    const response = controlled.request("/v1/scan", { method: "POST", headers: json, body });
    // The connection may be closed before the answer is read.
    const status = await response.then(
      (each) => each.status,
      () => 413,
    );
    expect([status, mount.asked]).toEqual([413, []]);
  });
});
