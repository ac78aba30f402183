/** What each operation does to the world. */

import type { BytePath } from "../../src/core/bytes.ts";
import type { StoreCalls } from "../../src/core/cache/store_protocol.ts";
import { MusicFsError, OwnError } from "../../src/core/errors.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { harmDataFile } from "./cache_disk.ts";
import type { Operation } from "./operations.ts";
import type { World } from "./world.ts";

/** Begins it; what follows from it may go on afterwards. */
export async function perform(world: World, operation: Operation): Promise<void> {
  switch (operation.do) {
    case "put":
      for (const name of operation.on) {
        await world.change(name, (s) => s.put(operation.path, operation.content));
      }
      return;
    case "edit":
      await world.change(operation.on, (s) => s.edit(operation.path, operation.keepsMtime));
      return;
    case "copy": {
      const { path, to } = operation;
      const from = world.storages.get(operation.from as string as OriginId);
      if (from !== undefined) await world.change(operation.on, (s) => s.copy(from, path, to));
      return;
    }
    case "remove":
      await world.change(operation.on, (storage) => storage.remove(operation.path));
      return;
    case "rename":
      await world.change(operation.on, (s) => s.rename(operation.path, operation.to));
      return;
    case "make_directory":
      await world.change(operation.on, (storage) => storage.makeDirectory(operation.path));
      return;
    case "fault":
      world.storages.get(operation.on as string as OriginId)?.addFault(operation.rule);
      return;
    case "heal":
      world.storages.get(operation.on as string as OriginId)?.clearFaults();
      return;
    case "blank":
      await world.change(operation.on, (storage) => storage.setBlank(operation.blank));
      return;
    case "lose_watch":
      world.disturbed();
      world.storages.get(operation.on as string as OriginId)?.loseWatch(operation.ends);
      return;
    case "degrade": {
      const storage = world.storages.get(operation.on as string as OriginId);
      if (storage === undefined) return;
      storage.memory.probeResult = operation.degraded
        ? { status: "degraded", reason: "made so" }
        : { status: "ok" };
      return;
    }
    case "set_priority":
      await world.reconfigure(operation.on, (settings) => ({
        ...settings,
        priority: operation.priority,
      }));
      return;
    case "enable":
      await world.reconfigure(operation.on, (settings) => ({
        ...settings,
        enabled: operation.enabled,
      }));
      return;
    case "detach":
      await world.reconfigure(operation.on, () => undefined);
      return;
    case "attach": {
      const setup = world.history.setup.origins.find(({ id }) => id === operation.on);
      if (setup === undefined || world.settings.some(({ id }) => id === setup.id)) return;
      const added = world.originSettings({ ...setup, priority: operation.priority });
      await world.configure([...world.settings, added]);
      return;
    }
    case "scan":
      scan(world, operation.on as string as OriginId, operation.allowEmpty);
      return;
    case "check":
      void world.life.assembly.federation
        .checkNow(operation.on as string as OriginId)
        .catch(() => undefined);
      return;
    case "restart":
      await world.restart();
      return;
    case "kill":
      await world.kill();
      return;
    case "pin": {
      const paths = [operation.path as BytePath];
      world.pins.changed();
      call(world, ({ pin, unpin }) => (operation.pinned ? pin(paths) : unpin(paths)));
      return;
    }
    case "clear_cache": {
      const { path, pins } = operation;
      world.cache.disturbed();
      if (pins) world.pins.forget();
      const options = { paths: path === "" ? [] : [path as BytePath], pinned: pins };
      call(world, ({ clear }) => clear(options));
      return;
    }
    case "cache_disk":
      world.cache.disturbed();
      world.pins.forget();
      world.disk.mood = operation.mood;
      return;
    case "harm_cache": {
      const { harm, which, at } = operation;
      world.cache.harmed();
      world.pins.forget();
      harmDataFile(world.life.ports.directory, harm, which, at);
      return;
    }
    case "stat":
      world.applications.stat(operation.path);
      return;
    case "list":
      world.applications.list(operation.path);
      return;
    case "open":
      world.applications.open(operation.slot, operation.path);
      return;
    case "read":
      world.applications.read(operation);
      return;
    case "close":
      world.applications.close(operation.slot);
      return;
    case "wait":
      await world.pass(operation.ms);
      return;
    case "sleep_machine":
      world.clock.jumpWall(operation.ms);
      return;
  }
}

/** As `musicfs cache`; it fails while the cache cannot be used. */
function call(world: World, work: (calls: StoreCalls) => Promise<unknown>): void {
  const { cache } = world.life;
  if (cache === undefined) return;
  work(cache.calls).catch((error: unknown) => {
    const isPromised = error instanceof OwnError && error.code === "cache";
    if (!isPromised) world.fail("no faults", `a call of the cache: ${String(error)}`);
  });
}

/** As `musicfs scan`; it fails where there is nothing to scan, or a scan runs. */
function scan(world: World, id: OriginId, allowEmpty: boolean): void {
  const allowed = allowEmpty ? world.holds.allow(id) : undefined;
  world.life.assembly.scans
    .request(id, { allowEmpty })
    .catch((error: unknown) => {
      if (!(error instanceof MusicFsError)) world.fail("no faults", `a scan: ${String(error)}`);
    })
    .finally(() => allowed?.[Symbol.dispose]());
}
