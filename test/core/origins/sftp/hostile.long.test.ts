/** A server that means harm: each trick costs its own operations and nothing else. */

import { describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { type BytePath, displayPath, nameFromText, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { MAX_DIRECTORY_ENTRIES, SFTP_MAX_ABANDONED_REQUESTS } from "../../../../src/core/limits.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import type { SftpOrigin } from "../../../../src/core/origins/sftp/origin.ts";
import { Reply, Request, Status } from "../../../../src/core/origins/sftp/packet.ts";
import { failure, until } from "./expecting.ts";
import { FILE_MODE, LINK_MODE, MTIME, type Script, ScriptedServer } from "./scripted_server.ts";
import { attributes, type FileAttributes, raw, replies, string, u32 } from "./wire.ts";

const path = (text: string) => nameFromText(text) as string as BytePath;
const SONG = Buffer.from("0123456789".repeat(10_000));
const FILE: FileAttributes = { size: 1, mode: FILE_MODE, mtime: MTIME };

async function listAll(origin: Origin, directory = ROOT_PATH): Promise<string[]> {
  const names: string[] = [];
  for await (const page of origin.list(directory)) names.push(...page.map(({ name }) => name));
  return names;
}

/** Runs against a scripted server and sees that nothing of the trick is left afterwards. */
async function against(
  script: Script,
  task: (origin: SftpOrigin, server: ScriptedServer) => Promise<void>,
): Promise<void> {
  const before = readdirSync("/proc/self/fd").length;
  {
    await using server = await ScriptedServer.start({ tree: { song: SONG }, ...script });
    const origin = server.origin();
    await task(origin, server);
    await origin.close();
    await until(() => server.connections === 0);
  }
  await until(() => readdirSync("/proc/self/fd").length <= before);
}

/** A script that answers one type of request in its own way. */
function instead(type: number, answer: (id: number, honest: Buffer) => Buffer): Script {
  return {
    answer: (asked, channel, honest) =>
      channel.write(asked.type === type ? answer(asked.id, honest()) : honest()),
  };
}

describe("a hostile SFTP server", () => {
  test("that sends data beyond the range asked for writes nothing beyond it", async () => {
    const script = instead(Request.read, (id) => replies.data(id, Buffer.alloc(200_000, 0xee)));
    await against(script, async (origin) => {
      const memory = new Uint8Array(3000);
      const error = await failure(origin.read(path("song"), 0, memory.subarray(1000, 2000)));
      expect(error).toMatchObject({ code: "protocol", scope: "origin" });
      expect(memory).toEqual(new Uint8Array(3000));
    });
  });

  const wrong: Readonly<Record<string, (id: number) => Buffer>> = {
    "a length that is not the packet's": (id) =>
      raw(Reply.data, u32(id), u32(500), Buffer.alloc(5)),
    "a packet of 2 GiB": () => u32(0x7fff_ffff),
    "an empty packet": () => u32(0),
    "another request's id": (id) => replies.data(id + 1000, Buffer.from("x")),
    "a handle for data": (id) => replies.handle(id, "h"),
    "an unknown type": (id) => raw(99, u32(id)),
  };
  for (const [what, answer] of Object.entries(wrong)) {
    test(`that answers a READ with ${what} loses its connection`, async () => {
      let hostile = true;
      const script = instead(Request.read, (id, honest) => (hostile ? answer(id) : honest));
      await against(script, async (origin) => {
        const read = () => origin.read(path("song"), 0, new Uint8Array(100));
        await origin.probe();
        expect(await failure(read())).toMatchObject({ code: "protocol", retryable: true });
        hostile = false;
        expect(await read()).toBe(100);
      });
    });
  }

  test("that sends a flood nobody asked for loses its connection", async () => {
    const flood = Buffer.concat(
      Array.from({ length: 5000 }, (_, i) => replies.attrs(1e6 + i, FILE)),
    );
    const script = instead(Request.stat, (_id, honest) => Buffer.concat([flood, honest]));
    await against(script, async (origin) => {
      expect(await failure(origin.stat(path("song")))).toMatchObject({ code: "protocol" });
    });
  });

  test("that repeats a listing for ever is found out at the first repetition", async () => {
    let replied = 0;
    const script = instead(Request.readdir, (id) => {
      replied++;
      return replies.names(id, [
        ["a", FILE],
        ["b", FILE],
      ]);
    });
    await against(script, async (origin) => {
      const error = await failure(listAll(origin));
      expect(error).toMatchObject({ code: "protocol" });
      expect(error.message).toContain("repeats itself");
      expect(replied).toBeLessThan(20);
    });
  });

  test("that lists without names and without end is found out", async () => {
    const script = instead(Request.readdir, (id) => replies.names(id, []));
    await against(script, async (origin) => {
      expect(await failure(listAll(origin))).toMatchObject({ code: "protocol" });
    });
  });

  test("that lists ever new names is stopped at a bound", async () => {
    let next = 0;
    const script = instead(Request.readdir, (id) =>
      replies.names(
        id,
        Array.from({ length: 5000 }, () => [`${next++}`, FILE] as const),
      ),
    );
    await against(script, async (origin) => {
      let seen = 0;
      const count = async () => {
        for await (const page of origin.list(ROOT_PATH)) seen += page.length;
      };
      const error = await failure(count());
      expect(error.message).toContain(`more than ${MAX_DIRECTORY_ENTRIES} entries`);
      expect(seen).toBeLessThanOrEqual(MAX_DIRECTORY_ENTRIES);
    });
  }, 60_000);

  test("that names entries out of the directory does not get them in", async () => {
    const bad = ["/etc/passwd", "..", ".", "a/b", "nul\0byte", "", "x".repeat(256)];
    const control = "\x1b]0;owned\x07\x1b[2J\r\n";
    let listed = false;
    const script = instead(Request.readdir, (id) => {
      if (listed) return replies.status(id, Status.eof);
      listed = true;
      return replies.names(
        id,
        [...bad, control, "good"].map((name) => [name, FILE] as const),
      );
    });
    const skipped: string[] = [];
    await using server = await ScriptedServer.start(script);
    const origin = server.origin({}, { onSkipped: (_directory, name) => skipped.push(name) });
    expect(await listAll(origin)).toEqual([control, "good"]);
    expect(skipped).toEqual(["/etc/passwd", "a/b", "nul\0byte", "", "x".repeat(256)]);
    const error = await failure(origin.stat(control as BytePath));
    expect(error.message).toContain(displayPath(control as BytePath));
    expect(error.message).not.toMatch(/\p{Cc}/u);
    await origin.close();
  });

  test("that puts terminal escapes into its messages does not drive the terminal", async () => {
    const text = `\x1b[31m${"no ".repeat(10_000)}\x1b]0;x\x07`;
    const script = instead(Request.stat, (id) => replies.status(id, Status.failure, text));
    await against(script, async (origin) => {
      const { message } = await failure(origin.stat(path("song")));
      expect(message).not.toMatch(/\p{Cc}/u);
      expect(message.length).toBeLessThan(400);
    });
  });

  test("whose links lead out of the root is not followed", async () => {
    const links = new Map([
      ["/music/out", "/etc/shadow"],
      ["/music/beside", "/music2/song"],
      ["/music/in", "/music/song"],
    ]);
    const entries = [...links.keys()].map(
      (at) => [at.slice("/music/".length), { ...FILE, mode: LINK_MODE }] as const,
    );
    let listed = false;
    const script: Script = {
      answer: ({ id, target, type }, channel, honest) => {
        const leadsTo = links.get(target);
        if (type === Request.readdir && !listed) {
          listed = true;
          channel.write(replies.names(id, entries));
        } else if (type === Request.readdir) channel.write(replies.status(id, Status.eof));
        else if (leadsTo === undefined) channel.write(honest());
        else if (type === Request.realpath) channel.write(replies.names(id, [[leadsTo, FILE]]));
        else channel.write(replies.attrs(id, FILE));
      },
    };
    await against(script, async (origin) => {
      expect(await listAll(origin)).toEqual(["in"]);
      for (const name of ["out", "beside"]) {
        expect(await failure(origin.stat(path(name)))).toMatchObject({ code: "outside_root" });
        const read = origin.read(path(name), 0, new Uint8Array(1));
        expect(await failure(read)).toMatchObject({ code: "outside_root" });
      }
      expect(await origin.stat(path("in"))).toMatchObject({ kind: "file" });
    });
  });

  test("that tells no types, no times or absurd sizes is not believed", async () => {
    const nothing = instead(Request.stat, (id) => raw(Reply.attrs, u32(id), u32(0)));
    await against(nothing, async (origin) => {
      expect(await failure(origin.stat(path("song")))).toMatchObject({ code: "protocol" });
    });
    const huge = { ...FILE, size: 2 ** 63 };
    const absurd = instead(Request.stat, (id) => raw(Reply.attrs, u32(id), attributes(huge)));
    await against(absurd, async (origin) => {
      expect(await failure(origin.stat(path("song")))).toMatchObject({ code: "protocol" });
    });
  });

  test("that never answers holds up its own operations, and those only until their limit (R-2)", async () => {
    const script: Script = {
      answer: (asked, channel, honest) => {
        if (asked.type !== Request.read) channel.write(honest());
      },
    };
    await using server = await ScriptedServer.start({ tree: { song: SONG }, ...script });
    const origin = server.origin({ operationTimeoutMs: 300 });
    const controller = new AbortController();
    const into = new Uint8Array(10);
    const version = await origin.stat(path("song"));
    const aborted = failure(
      origin.read(path("song"), 0, into, { version, signal: controller.signal }),
    );
    const stalled = failure(origin.read(path("song"), 0, into, { version }));
    setTimeout(() => controller.abort("enough"), 50);
    expect(await aborted).toMatchObject({ code: "cancelled" });
    expect(await stalled).toMatchObject({ code: "timeout", scope: "origin" });
    expect(await origin.stat(path("song"))).toMatchObject({ sizeBytes: SONG.byteLength });
    await origin.close();
    await until(() => server.connections === 0);
  });

  test("that never lets a handle go is left when it owes too many answers", async () => {
    const script: Script = {
      answer: (asked, channel, honest) => {
        if (asked.type !== Request.close) channel.write(honest());
      },
    };
    await against({ ...script, tree: { song: SONG } }, async (origin, server) => {
      for (let i = 0; i < SFTP_MAX_ABANDONED_REQUESTS + 10; i++) {
        await listAll(origin).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "protocol" });
        });
      }
      expect(server.accepted).toBe(2);
    });
  }, 60_000);

  test("that sends endless text beside the answers is not listened to", async () => {
    const script: Script = {
      answer: (_asked, channel, honest) => {
        channel.stderr.write(Buffer.alloc(100_000, "x"));
        channel.write(honest());
      },
    };
    await against(script, async (origin) => {
      for (let i = 0; i < 100; i++) await origin.stat(path("song"));
    });
  });

  test("whose shell prints before SFTP begins is told so", async () => {
    const greeting = Buffer.from("Welcome to \x1b[1mnas\x1b[0m!\n");
    await against({ greeting }, async (origin) => {
      const error = await failure(origin.probe());
      expect(error).toMatchObject({ code: "misconfigured" });
      expect(error.message).toContain("Welcome to \\x1b[1mnas");
    });
  });

  test.each([
    ["speaks another version", raw(Reply.version, u32(6)), "version 6"],
    ["begins with an answer", replies.status(0, Status.ok), "in place of its version"],
    ["cuts its version", raw(Reply.version, u32(3), string("half")), "shorter"],
  ])("that %s is not used", async (_what, greeting, said) => {
    await against({ greeting }, async (origin) => {
      const error = await failure(origin.probe());
      expect(error).toMatchObject({ code: "protocol" });
      expect(error.message).toContain(said);
    });
  });

  test("that refuses sessions or the subsystem is told so", async () => {
    await against({ refusesSessions: true }, async (origin) => {
      expect(await failure(origin.probe())).toMatchObject({ code: "overloaded" });
    });
    const refusing = (reject: () => void) => {
      reject();
      return true;
    };
    await against({ onSubsystem: refusing }, async (origin) => {
      const error = await failure(origin.probe());
      expect(error.message).toContain("offers no SFTP");
    });
  });

  test("with a replaced host key gets no login, and the message says how to accept it (R-4)", async () => {
    let logins = 0;
    const authenticate: Script["authenticate"] = (context) => {
      logins++;
      context.accept();
    };
    await using server = await ScriptedServer.start({ authenticate });
    await using other = await ScriptedServer.start();
    writeFileSync(server.knownHosts, `[127.0.0.1]:${server.port} ${other.hostKey}\n`);
    const origin = server.origin();
    const error = await failure(origin.probe());
    expect(error).toMatchObject({ code: "host_key", scope: "origin", retryable: false });
    expect(error.message).toContain("has CHANGED");
    expect(error.message).toContain(`ssh-keyscan -p ${server.port} 127.0.0.1 | ssh-keygen -lf -`);
    expect(error.message).toMatch(/musicfs origins set sftp --accept-host-key SHA256:[\w+/]{43}`/);
    expect(logins).toBe(0);
    await origin.close();
    await until(() => server.connections === 0);
  });

  test("with an unknown host key gets no login (R-4)", async () => {
    await using server = await ScriptedServer.start();
    writeFileSync(server.knownHosts, "");
    const origin = server.origin();
    const error = await failure(origin.probe());
    expect(error).toMatchObject({ code: "host_key" });
    expect(error.message).toContain("is not known");
    await origin.close();
  });
});
