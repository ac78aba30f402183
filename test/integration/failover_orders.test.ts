/** A disk, an SSH server and a bucket hold the same files; in each order two of them fail in the middle of one. */

import { afterAll, beforeAll, expect } from "bun:test";
import { truncateSync } from "node:fs";
import { eventually } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";
import { FederatedLibrary, type OriginName } from "./support/federated_library.ts";

type Holder = Exclude<OriginName, "nas">;
type Order = readonly [Holder, Holder, Holder];

const ORDERS: readonly Order[] = [
  ["disk", "attic", "cloud"],
  ["disk", "cloud", "attic"],
  ["attic", "disk", "cloud"],
  ["attic", "cloud", "disk"],
  ["cloud", "disk", "attic"],
  ["cloud", "attic", "disk"],
];

/** How the preferred origin is lost before anybody knows. */
const LOSSES = [
  ["attic", "killed"],
  ["nas", "stopped"],
] as const;

/** So large that what was read, and all that is read ahead, leave some to be read. */
const FILE_BYTES = 20_000_000;
const READ_BYTES = 3_000_000;

const { describe, test } = needing("root", "fuse", "smbd", "rclone", "getfattr");

describe("a file on a disk, an SSH server and a bucket", () => {
  let library: FederatedLibrary;

  beforeAll(async () => {
    library = await FederatedLibrary.create();
    for (const order of ORDERS) await library.put(pathOf(order), FILE_BYTES, ...order);
    for (const [id] of LOSSES) await library.put(lostPathOf(id), READ_BYTES, id, "cloud");
    await library.start();
  }, 60_000);
  afterAll(async () => {
    await library[Symbol.asyncDispose]();
  }, 60_000);

  for (const order of ORDERS) {
    test(`is read to its end, byte for byte, when ${order[0]} and ${order[1]} fail in the middle and ${order[2]} is left (F-8)`, async () => {
      const path = pathOf(order);
      for (const [i, id] of order.entries()) {
        const priority = String(i + 1);
        expect((await library.musicfs("origins", "set", id, "--priority", priority)).code).toBe(0);
      }
      const [first, second, third] = order;
      const reading = await library.readPausing(path, READ_BYTES);
      try {
        await fail(first, path);
        await fail(second, path);
        expect((await reading.goOn()).content).toBe("exact");
        expect(await library.failovers(path)).toContain(third);
      } finally {
        for (const id of [first, second])
          if (id !== "disk") await library.remotes.all[id].restart();
      }
      await eventually(
        "all are well again",
        async () => {
          const health = await library.health();
          return order.every((id) => health[id]?.status === "healthy");
        },
        60_000,
      );
    }, 120_000);
  }

  for (const [first, loss] of LOSSES) {
    test(`is read whole by who opens it right after ${first} was ${loss}, never compared before (F-8)`, async () => {
      for (const [i, id] of [first, "cloud"].entries()) {
        const priority = String(i + 1);
        expect((await library.musicfs("origins", "set", id, "--priority", priority)).code).toBe(0);
      }
      const remote = library.remotes.all[first];
      try {
        if (loss === "killed") await remote.kill();
        else remote.pause();
        expect(await library.readOne(lostPathOf(first))).toMatchObject({ content: "exact" });
      } finally {
        if (loss === "killed") await remote.restart();
        else remote.resume();
      }
      await eventually(
        `${first} is well again`,
        async () => (await library.health())[first]?.status === "healthy",
        60_000,
      );
    }, 120_000);
  }

  /** The server is killed, or the disk's file cut short under whoever has it open. */
  async function fail(id: Holder, path: string): Promise<void> {
    if (id === "disk") truncateSync(library.workspace.path("disk", path), 1000);
    else await library.remotes.all[id].kill();
  }
});

function lostPathOf(id: string): string {
  return `lost with ${id}.flac`;
}

function pathOf(order: Order): string {
  return `${order.join("-")}.flac`;
}
