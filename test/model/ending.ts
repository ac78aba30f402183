/**
 * The end of a history: everything gets well, and after a while and a scan of each origin the tree is
 * exactly what the origins hold, every file can be read, and nothing is left under way.
 */

import { join } from "node:path";
import { sleep } from "../../src/core/clock.ts";
import { OwnError } from "../../src/core/errors.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { Exclusion } from "../../src/core/sync/exclusion.ts";
import { scan } from "../../src/core/sync/scan.ts";
import { errnoName } from "../../src/core/sys/errno.ts";
import { brokenInvariants } from "../core/catalog/invariants.ts";
import { wrongFiles } from "./cached_files.ts";
import { type Content, holds } from "./contents.ts";
import { CATALOG } from "./life.ts";
import { mergedTree } from "./merge.ts";
import { PAGE_BYTES } from "./page_cache.ts";
import type { World } from "./world.ts";

/** Every origin is checked, every operation of before has ended, recovered origins are scanned. */
const RECOVERY_MS = 130_000;
/** What follows from the last scans has happened. */
const QUIET_MS = 5000;
/** The program's own scan may be running; it does not run for so long. */
const SCAN_TRIES = 10;

export async function endWell(world: World): Promise<void> {
  for (const storage of world.storages.values()) {
    storage.clearFaults();
    storage.setBlank(false);
    storage.memory.probeResult = { status: "ok" };
  }
  world.disk.mood = "well";
  await world.pass(RECOVERY_MS);
  world.applications.closeAll();
  await scanAll(world);
  await world.pass(QUIET_MS);
  if (world.applications.waiting > 0) {
    world.fail("nothing hangs", `${world.applications.waiting} applications still wait`);
    return;
  }
  await compareTree(world);
  if (world.violation !== undefined) return;
  await world.pass(QUIET_MS);
  world.leaks.idle();
  if (world.violation !== undefined) return;
  const { life } = world;
  if (life.cache !== undefined && life.cache.blocks.state.status !== "ok") {
    world.fail("no faults", "the cache is not used again, though its disk is well");
  }
  await world.stop();
  for (const wrong of wrongFiles(life.ports.directory, world.storages.values())) {
    world.fail("a cached file is of one version", wrong);
  }
  for (const broken of brokenInvariants(join(life.ports.directory, CATALOG))) {
    world.fail("the catalog is consistent", broken);
  }
}

async function scanAll(world: World): Promise<void> {
  const scans = world.settings.filter(({ enabled }) => enabled).map(({ id }) => scanOne(world, id));
  await world.clock.run(Promise.all(scans));
}

/** As `musicfs scan --allow-empty`. */
async function scanOne(world: World, id: OriginId): Promise<void> {
  const { assembly, writer, ports } = world.life;
  const origin = assembly.federation.registry.get(id);
  if (origin === undefined) throw new Error(`${id} is enabled and not registered`);
  const scanPorts = {
    catalog: writer,
    clock: world.clock,
    events: ports.events,
    onChanges: assembly.updates.apply,
    lockDirectory: ports.directory,
  };
  using _allowed = world.holds.allow(id);
  const options = { exclusion: new Exclusion([]), allowEmpty: true };
  for (let tried = 0; ; tried++) {
    try {
      const { outcome } = await scan(origin, scanPorts, options);
      if (outcome === "complete") return;
      world.fail("a scan of a good origin is complete", `${id}: ${outcome}`);
      return;
    } catch (error) {
      const isBusy = error instanceof OwnError && error.code === "busy";
      if (!isBusy || tried === SCAN_TRIES) {
        world.fail("a scan of a good origin is complete", `${id}: ${String(error)}`);
        return;
      }
      await sleep(world.clock, QUIET_MS);
    }
  }
}

async function compareTree(world: World): Promise<void> {
  const expected = await mergedTree(world);
  const { kernel } = world.life;
  const shown = new Set<string>();
  const compare = async (directory: string): Promise<void> => {
    const listed = await kernel.list(directory);
    if ("errno" in listed) {
      world.fail("the tree is what origins hold", `list ${directory}: ${errnoName(listed.errno)}`);
      return;
    }
    for (const name of listed.ok) {
      const path = directory === "" ? name : `${directory}/${name}`;
      shown.add(path);
      const should = expected.get(path);
      const found = await kernel.stat(path);
      if (should === undefined || "errno" in found) {
        const is = "errno" in found ? errnoName(found.errno) : "there";
        const detail = `${path}: ${is}, and ${should === undefined ? "nobody's" : "is"}`;
        world.fail("the tree is what origins hold", detail);
        continue;
      }
      if (found.ok.isDirectory !== (should.kind === "directory")) {
        world.fail("the tree is what origins hold", `${path} is no ${should.kind}`);
      } else if (should.kind === "directory") await compare(path);
      else {
        const { sizeBytes, mtimeSec, mtimeNsec } = found.ok;
        const is = `${sizeBytes} bytes of ${mtimeSec}.${mtimeNsec}`;
        const ought = `${should.sizeBytes} bytes of ${should.mtimeSec}.${should.mtimeNsec}`;
        if (is !== ought) {
          world.fail("the tree is what origins hold", `${path}: ${is}, not ${ought}`);
        }
        await readWhole(world, path, should.contents);
      }
    }
  };
  await world.clock.run(compare(""));
  for (const path of expected.keys()) {
    if (!shown.has(path)) world.fail("the tree is what origins hold", `${path} is not shown`);
  }
}

async function readWhole(world: World, path: string, contents: readonly Content[]): Promise<void> {
  const { kernel } = world.life;
  const opened = await kernel.open(path);
  if ("errno" in opened) {
    world.fail("every file can be read", `open ${path}: ${errnoName(opened.errno)}`);
    return;
  }
  const result = await kernel.read(opened.ok, 0, Number.MAX_SAFE_INTEGER);
  if ("errno" in result) {
    world.fail("every file can be read", `read ${path}: ${errnoName(result.errno)}`);
  } else {
    // Where tokens are weak, pages that are kept may be of one content and new ones of another.
    const pages = contents.length > 1 ? PAGE_BYTES : Number.MAX_SAFE_INTEGER;
    const right =
      contents.some(({ bytes }) => bytes.byteLength === result.ok.byteLength) &&
      everyPiece(result.ok, pages, (at, piece) => contents.some((c) => holds(c, at, piece)));
    if (!right) {
      const numbers = contents.map(({ number }) => number).join(" or ");
      world.fail("bytes of one version", `${path} is not content ${numbers} from end to end`);
    }
  }
  await kernel.close(opened.ok);
}

function everyPiece(
  bytes: Uint8Array,
  pieceBytes: number,
  isRight: (atBytes: number, piece: Uint8Array) => boolean,
): boolean {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    if (!isRight(at, bytes.subarray(at, at + pieceBytes))) return false;
  }
  return true;
}
