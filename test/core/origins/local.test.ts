import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ByteName, type BytePath, ROOT_PATH } from "../../../src/core/bytes.ts";
import { OriginError, OwnError } from "../../../src/core/errors.ts";
import { MAX_DIRECTORY_ENTRIES } from "../../../src/core/limits.ts";
import type { DiskClient } from "../../../src/core/origins/disk/client.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import { DiskFailure } from "../../../src/core/origins/disk/failure.ts";
import * as messages from "../../../src/core/origins/disk/messages.ts";
import { serveDiskRequest } from "../../../src/core/origins/disk/protocol.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../../../src/core/origins/local.ts";
import type { DirEntry, ListingMemo, OriginId } from "../../../src/core/origins/origin.ts";
import { inlineLocal } from "../../suites/harnesses.ts";
import { originConformance } from "../../suites/origin.ts";
import { LocalTree } from "../../support/local_tree.ts";
import { settle } from "../../support/virtual_clock.ts";

originConformance("a local directory", inlineLocal);

test("lists a directory whose every request is served by another thread", async () => {
  using tree = new LocalTree();
  const names = Array.from({ length: 1000 }, (_, i) => `${i} `.padEnd(200, "long"));
  for (const name of names) writeFileSync(join(tree.root, name), "");
  using first = new Disk(tree.root);
  using second = new Disk(tree.root);
  let requests = 0;
  const { origin } = scripted((request) =>
    serveDiskRequest(requests++ % 2 === 0 ? first : second, messages.encodeRequest(request)),
  );
  const memo: ListingMemo = { device: undefined, mark: undefined };
  const { names: shown, code } = await listed(origin, undefined, memo);
  expect(code).toBeUndefined();
  expect(shown.toSorted()).toEqual(names.toSorted());
  expect(requests).toBeGreaterThan(4);
  expect(memo.device).toBe((await origin.stat(ROOT_PATH)).device);
  expect(await origin.marks([ROOT_PATH])).toEqual([memo.mark]);
});

type Answer = (request: messages.DiskRequest) => Uint8Array | Promise<Uint8Array>;

/** An origin whose disk answers what the test says, and what it was asked. */
function scripted(answer: Answer) {
  const asked: string[] = [];
  const disk: DiskClient = {
    async call(request) {
      const decoded = messages.decodeRequest(request);
      asked.push(decoded.directory === -1 ? decoded.op : `${decoded.op} ${decoded.directory}`);
      return answer(decoded);
    },
    close: async () => void asked.push("close"),
  };
  const id = "local" as OriginId;
  const capabilities = LOCAL_CAPABILITIES;
  return { origin: new LocalOrigin({ id, type: "local", capabilities, disk }), asked };
}

function entry(name: string): DirEntry {
  return {
    name: name as ByteName,
    kind: "file",
    sizeBytes: 1,
    token: "1",
    mtimeSec: 0,
    mtimeNsec: 0,
    mode: 0o644,
    uid: 0,
    gid: 0,
  };
}

async function listed(origin: LocalOrigin, signal?: AbortSignal, memo?: ListingMemo) {
  const names: string[] = [];
  try {
    for await (const page of origin.list(ROOT_PATH, signal, memo)) {
      names.push(...page.map(({ name }) => name));
    }
    return { names, code: undefined };
  } catch (error) {
    if (error instanceof OriginError || error instanceof OwnError) {
      return { names, code: error.code };
    }
    throw error;
  }
}

describe("LocalOrigin", () => {
  test("gives each name once, whatever a network file system repeats", async () => {
    const pages = [["a", "b"], ["b", "c"], ["c"], []];
    const { origin, asked } = scripted(({ op }) => {
      if (op === "open_directory") return messages.encodeDirectory({ fd: 9, device: 1 });
      if (op === "close_directory") return messages.encodeDone();
      const names = pages.shift() ?? [];
      return messages.encodePage({
        entries: names.map(entry),
        done: names.length === 0,
      });
    });
    expect(await listed(origin)).toEqual({ names: ["a", "b", "c"], code: undefined });
    await settle();
    expect(asked.at(-1)).toBe("close_directory 9");
  });

  test("lists everything it can before it says what it could not", async () => {
    const failure = new DiskFailure("io", "b: the disk reports an error (statx: EIO)");
    const pages = [
      { entries: [entry("a")], done: false, failure },
      { entries: [entry("c")], done: false },
      { entries: [], done: true },
    ];
    const { origin } = scripted(({ op }) => {
      if (op === "open_directory") return messages.encodeDirectory({ fd: 9, device: 1 });
      if (op === "close_directory") return messages.encodeDone();
      return messages.encodePage(pages.shift() ?? { entries: [], done: true });
    });
    expect(await listed(origin)).toEqual({ names: ["a", "c"], code: "io" });
  });

  test("takes a listing that goes on and on for endless", async () => {
    let serial = 0;
    const { origin, asked } = scripted(({ op }) => {
      if (op === "open_directory") return messages.encodeDirectory({ fd: 9, device: 1 });
      if (op === "close_directory") return messages.encodeDone();
      const entries = Array.from({ length: 50_000 }, () => entry(String(serial++)));
      return messages.encodePage({ entries, done: false });
    });
    const { names, code } = await listed(origin);
    expect(code).toBe("protocol");
    expect(names.length).toBeLessThanOrEqual(MAX_DIRECTORY_ENTRIES);
    await settle();
    expect(asked.at(-1)).toBe("close_directory 9");
  }, 30_000);

  test("closes a directory that opens after its listing was given up", async () => {
    const opened = Promise.withResolvers<Uint8Array>();
    const { origin, asked } = scripted(({ op }) =>
      op === "open_directory" ? opened.promise : messages.encodeDone(),
    );
    const controller = new AbortController();
    const listing = listed(origin, controller.signal);
    await settle();
    controller.abort();
    expect((await listing).code).toBe("cancelled");
    opened.resolve(messages.encodeDirectory({ fd: 4, device: 1 }));
    await settle();
    expect(asked).toEqual(["open_directory", "close_directory 4"]);
  });

  test("closes a directory only when the page being read from it is there", async () => {
    const page = Promise.withResolvers<Uint8Array>();
    const { origin, asked } = scripted(({ op }) => {
      if (op === "open_directory") return messages.encodeDirectory({ fd: 4, device: 1 });
      return op === "read_directory" ? page.promise : messages.encodeDone();
    });
    const controller = new AbortController();
    const listing = listed(origin, controller.signal);
    await settle();
    controller.abort();
    expect((await listing).code).toBe("cancelled");
    await settle();
    expect(asked).toEqual(["open_directory", "read_directory 4"]);
    page.resolve(messages.encodePage({ entries: [entry("late")], done: false }));
    await settle();
    expect(asked.at(-1)).toBe("close_directory 4");
  });

  test("rejects what is under way when it is closed", async () => {
    const { origin, asked } = scripted(() => new Promise(() => undefined));
    const into = new Uint8Array(1);
    const attempts = [
      origin.stat("a" as BytePath),
      origin.read("a" as BytePath, 0, into),
      origin.probe(),
      origin.list(ROOT_PATH).next(),
    ];
    await settle();
    await origin.close();
    for (const outcome of await Promise.allSettled(attempts)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "connection" } });
    }
    expect(asked.at(-1)).toBe("close");
  });

  test("says so when a result is cut short", async () => {
    const { origin } = scripted(() => messages.encodeStat(entry("a")).slice(0, 20));
    await expect(origin.stat("a" as BytePath)).rejects.toMatchObject({
      code: "protocol",
      originId: "local",
      path: "a",
    });
  });

  test("is overloaded when its threads are", async () => {
    const { origin } = scripted(() => {
      throw new OwnError("busy", "too many requests wait for a local disk");
    });
    await expect(origin.probe()).rejects.toMatchObject({ code: "overloaded", scope: "origin" });
  });
});
