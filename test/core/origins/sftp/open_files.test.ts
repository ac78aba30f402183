import { describe, expect, test } from "bun:test";
import { SFTP_FILE_IDLE_MS, SFTP_OPEN_FILES } from "../../../../src/core/limits.ts";
import { OpenFiles } from "../../../../src/core/origins/sftp/open_files.ts";
import type { Handle, SftpSession } from "../../../../src/core/origins/sftp/session.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

function opened(maxHandles = Number.POSITIVE_INFINITY) {
  const clock = new VirtualClock();
  const closed: string[] = [];
  const session: Pick<SftpSession, "close" | "maxHandles"> = {
    maxHandles,
    close: (handle: Handle) => void closed.push(Buffer.from(handle).toString()),
  };
  const files = new OpenFiles(session, clock);
  let opens = 0;
  const open = async () => ({ handle: Buffer.from(`h${opens++}`) });
  const use = (key: string) =>
    files.use(key, open, async (file, reused) => {
      return `${Buffer.from(file.handle)}${reused ? " again" : ""}`;
    });
  return { clock, closed, files, open, use };
}

describe("open files", () => {
  test("keep a handle for the next read of the same version", async () => {
    const { clock, closed, use } = opened();
    expect(await use("a")).toBe("h0");
    expect(await use("a")).toBe("h0 again");
    expect(await use("b")).toBe("h1");
    expect(closed).toEqual([]);
    await clock.advance(SFTP_FILE_IDLE_MS);
    expect(closed.toSorted()).toEqual(["h0", "h1"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("share one opening among those who ask at once", async () => {
    const { files, use } = opened();
    expect(await Promise.all([use("a"), use("a"), use("a")])).toEqual([
      "h0",
      "h0 again",
      "h0 again",
    ]);
    expect(files.size).toBe(1);
  });

  test("close the least recently used one for a new one, never one in use", async () => {
    const { closed, files, open, use } = opened();
    const busy = Promise.withResolvers<void>();
    const reading = files.use("busy", open, () => busy.promise);
    for (let i = 0; i < SFTP_OPEN_FILES; i++) await use(`${i}`);
    expect(files.size).toBe(SFTP_OPEN_FILES);
    expect(closed).toEqual(["h1"]);
    await use("1");
    await use("more");
    expect(closed).toEqual(["h1", "h3"]);
    busy.resolve();
    await reading;
    expect(files.has("busy")).toBeTrue();
  });

  test("stay below the server's own limit", async () => {
    const { closed, files, use } = opened(6);
    for (let i = 0; i < 5; i++) await use(`${i}`);
    expect(files.size).toBe(3);
    expect(closed).toEqual(["h0", "h1"]);
  });

  test("do not use a handle again that failed", async () => {
    const { closed, files, open, use } = opened();
    const failing = files.use("a", open, () => Promise.reject(new Error("bad")));
    await expect(failing).rejects.toThrow("bad");
    await Bun.sleep(0);
    expect(closed).toEqual(["h0"]);
    expect(await use("a")).toBe("h1");
  });

  test("close a failed handle only after its last user", async () => {
    const { closed, files, open } = opened();
    const busy = Promise.withResolvers<void>();
    const reading = files.use("a", open, () => busy.promise);
    await expect(files.use("a", open, () => Promise.reject(new Error("bad")))).rejects.toThrow(
      "bad",
    );
    await Bun.sleep(0);
    expect(closed).toEqual([]);
    busy.resolve();
    await reading;
    await Bun.sleep(0);
    expect(closed).toEqual(["h0"]);
  });

  test("keep a handle when a reader gives up, and the opening for the others", async () => {
    const { closed, files } = opened();
    const opening = Promise.withResolvers<{ handle: Buffer }>();
    const controller = new AbortController();
    const task = async (file: { readonly handle: Handle }) => Buffer.from(file.handle).toString();
    const one = files.use("a", () => opening.promise, task, controller.signal);
    const two = files.use("a", () => opening.promise, task);
    controller.abort();
    await expect(one).rejects.toMatchObject({ code: "cancelled" });
    opening.resolve({ handle: Buffer.from("h") });
    expect(await two).toBe("h");
    expect(closed).toEqual([]);
    expect(files.has("a")).toBeTrue();
  });

  test("forget a file that could not be opened", async () => {
    const { files, use } = opened();
    const failing = files.use(
      "a",
      () => Promise.reject(new Error("no")),
      async () => undefined,
    );
    await expect(failing).rejects.toThrow("no");
    expect(files.size).toBe(0);
    expect(await use("a")).toBe("h0");
  });

  test("leave no timer behind when their connection ends", async () => {
    const { clock, closed, files, open, use } = opened();
    await use("a");
    const busy = Promise.withResolvers<void>();
    const reading = files.use("b", open, () => busy.promise);
    files[Symbol.dispose]();
    busy.resolve();
    await reading;
    expect(clock.pendingTimers).toBe(0);
    expect(closed).toEqual([]);
  });
});
