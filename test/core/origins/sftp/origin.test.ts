import { describe, expect, test } from "bun:test";
import { type BytePath, nameFromText } from "../../../../src/core/bytes.ts";
import { Request, Status } from "../../../../src/core/origins/sftp/packet.ts";
import { until } from "./expecting.ts";
import { ScriptedServer } from "./scripted_server.ts";
import { replies } from "./wire.ts";

const path = (text: string) => nameFromText(text) as string as BytePath;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const SONG = Buffer.from("0123456789".repeat(20_000));

describe("SFTP origin", () => {
  test("connects at the first operation and not before", async () => {
    await using server = await ScriptedServer.start({ tree: { song: SONG } });
    const origin = server.origin();
    await Bun.sleep(20);
    expect(server.accepted).toBe(0);
    expect(await origin.stat(path("song"))).toMatchObject({ kind: "file", sizeBytes: 200_000 });
    expect(server.accepted).toBe(1);
    await origin.close();
  });

  test("reads a known version in two round trips, then in one", async () => {
    await using server = await ScriptedServer.start({ tree: { song: SONG } });
    const origin = server.origin();
    const version = await origin.stat(path("song"));
    server.asked.length = 0;
    const into = new Uint8Array(10);
    expect(await origin.read(path("song"), 5, into, { version })).toBe(10);
    expect(text(into)).toBe("5678901234");
    const { open, realpath, read, fstat } = Request;
    expect(server.asked.map(({ type }) => type)).toEqual([open, realpath, read, fstat]);
    server.asked.length = 0;
    expect(await origin.read(path("song"), 15, into, { version })).toBe(10);
    expect(server.asked.map(({ type }) => type)).toEqual([read, fstat]);
    await origin.close();
  });

  test("looks before it opens what may be a FIFO", async () => {
    await using server = await ScriptedServer.start({ tree: { song: SONG } });
    const origin = server.origin();
    await origin.probe();
    server.asked.length = 0;
    await origin.read(path("song"), 0, new Uint8Array(10));
    expect(server.asked[0]?.type).toBe(Request.stat);
    expect(server.asked.findIndex(({ type }) => type === Request.open)).toBeGreaterThan(1);
    await origin.close();
  });

  test("completes a server's short answers until the range is whole", async () => {
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        if (asked.type !== Request.read) channel.write(honest());
        else {
          const end = asked.offset + Math.min(asked.length, 1000);
          channel.write(replies.data(asked.id, SONG.subarray(asked.offset, end)));
        }
      },
    });
    const origin = server.origin();
    const into = new Uint8Array(150_000);
    const version = await origin.stat(path("song"));
    expect(await origin.read(path("song"), 7, into, { version })).toBe(150_000);
    expect(Buffer.compare(into, SONG.subarray(7, 150_007))).toBe(0);
    await origin.close();
  });

  test("says that a file changed under the read, and does not pass its bytes for the old ones", async () => {
    let mtime = 0;
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        if (asked.type !== Request.fstat) channel.write(honest());
        else channel.write(replies.attrs(asked.id, { size: 200_000, mode: 0o100644, mtime }));
      },
    });
    const origin = server.origin();
    const version = await origin.stat(path("song"));
    const read = (exact: boolean) =>
      origin.read(path("song"), 0, new Uint8Array(10), exact ? { version } : {});
    await expect(read(true)).rejects.toMatchObject({ code: "version_changed", scope: "object" });
    await expect(read(false)).rejects.toMatchObject({ code: "io", retryable: true });
    mtime = Number(version.token);
    expect(await read(true)).toBe(10);
    await origin.close();
  });

  test("says that the server ends a file before its size", async () => {
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        const late = asked.type === Request.read && asked.offset >= 100_000;
        channel.write(late ? replies.status(asked.id, Status.eof) : honest());
      },
    });
    const origin = server.origin();
    const version = await origin.stat(path("song"));
    const read = origin.read(path("song"), 0, new Uint8Array(200_000), { version });
    await expect(read).rejects.toMatchObject({ code: "short_read" });
    await origin.close();
  });

  test("opens a file anew when the server has forgotten its handle", async () => {
    let forgets = false;
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        const stale = forgets && asked.target === "handle 0";
        channel.write(stale ? replies.status(asked.id, Status.failure, "Stale") : honest());
      },
    });
    const origin = server.origin();
    const version = await origin.stat(path("song"));
    const into = new Uint8Array(4);
    expect(await origin.read(path("song"), 0, into, { version })).toBe(4);
    forgets = true;
    expect(await origin.read(path("song"), 4, into, { version })).toBe(4);
    expect(text(into)).toBe("4567");
    await origin.close();
  });

  test.each([
    [Status.permissionDenied, "denied"],
    [Status.failure, "io"],
    [Status.noConnection, "connection"],
    [Status.connectionLost, "connection"],
    [Status.opUnsupported, "protocol"],
    [4711, "io"],
  ])("maps status %d to %s", async (status, code) => {
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        channel.write(asked.type === Request.stat ? replies.status(asked.id, status) : honest());
      },
    });
    const origin = server.origin();
    const stat = origin.stat(path("song"));
    await expect(stat).rejects.toMatchObject({ code, originId: "sftp", path: "song" });
    await expect(stat).rejects.toThrow("origin sftp: song: ");
    await origin.close();
  });

  test("tells a missing root from a missing file (absence is not deletion)", async () => {
    await using server = await ScriptedServer.start({ tree: { song: SONG } });
    const here = server.origin();
    await expect(here.stat(path("gone"))).rejects.toMatchObject({ code: "not_found" });
    await here.close();
    const elsewhere = server.origin({ path: "/unmounted" });
    for (const at of ["", "song"]) {
      const stat = elsewhere.stat(path(at));
      await expect(stat).rejects.toMatchObject({ code: "device_gone", scope: "origin" });
    }
    await expect(elsewhere.probe()).rejects.toThrow("no such directory");
    await elsewhere.close();
  });

  test("a root that is a file is a mistake in the settings", async () => {
    await using server = await ScriptedServer.start({ tree: { song: SONG } });
    const origin = server.origin({ path: "/music/song" });
    await expect(origin.probe()).rejects.toMatchObject({ code: "misconfigured" });
    await origin.close();
  });

  test("closes the handles of listings left early and of files no longer used", async () => {
    const tree = { "a/1": SONG, a: "directory", "a/2": SONG } as const;
    await using server = await ScriptedServer.start({ tree });
    const origin = server.origin();
    for await (const page of origin.list(path("a"))) {
      expect(page.map(({ name }) => String(name)).toSorted()).toEqual(["1", "2"]);
      break;
    }
    await origin.probe();
    expect(server.openHandles).toBe(0);
    await origin.close();
  });

  test("a dropped connection fails what is under way, and the next operation connects anew", async () => {
    let silent = true;
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        if (!silent || asked.type === Request.realpath) channel.write(honest());
      },
    });
    const origin = server.origin();
    const waiting = origin.stat(path("song"));
    await until(() => server.asked.length > 0);
    origin.dropConnections();
    await expect(waiting).rejects.toMatchObject({ code: "connection", retryable: true });
    silent = false;
    expect(await origin.probe()).toEqual({ status: "ok" });
    expect(server.accepted).toBe(2);
    await until(() => server.connections === 1);
    await origin.close();
    await until(() => server.connections === 0);
  });

  test("a server that ends the connection in mid-read fails that read only", async () => {
    let cut = true;
    // Once, however many READs there are: a later one would hit the next connection.
    let cutting = false;
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      answer: (asked, channel, honest) => {
        if (asked.type !== Request.read || !cut) channel.write(honest());
        else {
          channel.write(honest().subarray(0, 1000));
          if (!cutting) setTimeout(() => server.cut(), 10);
          cutting = true;
        }
      },
    });
    const origin = server.origin();
    const version = await origin.stat(path("song"));
    const read = () => origin.read(path("song"), 0, new Uint8Array(100_000), { version });
    await expect(read()).rejects.toMatchObject({ code: "connection" });
    cut = false;
    expect(await read()).toBe(100_000);
    await origin.close();
  });
});
