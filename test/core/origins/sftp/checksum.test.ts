import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { BytePath } from "../../../../src/core/bytes.ts";
import { parseChecksum } from "../../../../src/core/origins/sftp/checksum.ts";
import { type Script, ScriptedServer } from "./scripted_server.ts";

const path = (text: string) => text as BytePath;
const SONG = Buffer.from("la la la");
const SHA256 = createHash("sha256").update(SONG).digest("hex");

describe("the output of a checksum command", () => {
  const name = "/music/a\nb";
  test.each([
    ["the line alone", `${SHA256}  ${name}\0`, SHA256],
    ["after what a shell printed", `Welcome!\n${SHA256}  ${name}\0`, SHA256],
    ["of another file", `${SHA256}  /music/x\0`, undefined],
    ["without the ending NUL", `${SHA256}  ${name}`, undefined],
    ["escaped as without -z", `\\${SHA256}  /music/a\\nb\n`, undefined],
    ["too short", `${SHA256.slice(1)}  ${name}\0`, undefined],
    ["no hexadecimal", `${"g".repeat(64)}  ${name}\0`, undefined],
    ["nothing", "", undefined],
  ])("%s", (_what, output, expected) => {
    expect(parseChecksum(output, "sha256", name)).toBe(expected);
  });
});

describe("the proof over SFTP", () => {
  const asking = async (exec: Script["exec"], at = "song", sizeBytes?: number) => {
    await using server = await ScriptedServer.start({
      tree: { song: SONG, album: "directory" },
      ...(exec && { exec }),
    });
    const origin = server.origin();
    try {
      const stat = await origin.stat(path(at));
      return await origin.proof(path(at), sizeBytes === undefined ? stat : { ...stat, sizeBytes });
    } finally {
      await origin.close();
    }
  };

  test("is the server's, the name given to a constant command on its input", async () => {
    const commands: string[] = [];
    const sum = await asking((command, channel) => {
      commands.push(command);
      channel.on("data", (input: Buffer) => {
        expect(input.toString()).toBe("/music/song\0");
        channel.write(`${SHA256}  /music/song\0`);
        channel.exit(0);
        channel.end();
      });
    });
    expect(sum).toEqual({ kind: "sha256", hex: SHA256 });
    expect(commands).toEqual(["xargs -0 sha256sum -z --"]);
  });

  test("is an MD5 where the server has no other tool", async () => {
    const sum = await asking((command, channel) => {
      const isMd5 = command.includes("md5sum");
      channel.on("data", () => {
        if (isMd5) channel.write(`${"a".repeat(32)}  /music/song\0`);
        channel.exit(isMd5 ? 0 : 127);
        channel.end();
      });
    });
    expect(sum).toEqual({ kind: "md5", hex: "a".repeat(32) });
  });

  test("is not asked for of another version", async () => {
    await expect(asking(undefined, "song", 9)).rejects.toMatchObject({ code: "version_changed" });
  });

  test("is absent where the server runs no commands", async () => {
    expect(await asking(undefined)).toBeUndefined();
  });

  test("is absent where the command fails, as under internal-sftp", async () => {
    const sum = await asking((_command, channel) => {
      channel.write("This service allows sftp connections only.\n");
      channel.exit(1);
      channel.end();
    });
    expect(sum).toBeUndefined();
  });

  test("is absent where the command prints without end", async () => {
    const sum = await asking((_command, channel) => {
      const flood = () => {
        if (channel.writable) channel.write(Buffer.alloc(100_000, "x"), () => setTimeout(flood, 1));
      };
      channel.on("error", () => undefined);
      flood();
    });
    expect(sum).toBeUndefined();
  });

  test("of what is no file, or missing, is not asked for", async () => {
    await expect(asking(undefined, "album")).rejects.toMatchObject({ code: "version_changed" });
    await expect(asking(undefined, "gone")).rejects.toMatchObject({ code: "not_found" });
  });

  test("ends with its signal, and with its connection", async () => {
    const started = Promise.withResolvers<void>();
    await using server = await ScriptedServer.start({
      tree: { song: SONG },
      exec: () => started.resolve(),
    });
    const origin = server.origin();
    const controller = new AbortController();
    const version = await origin.stat(path("song"));
    const aborted = origin.proof(path("song"), version, controller.signal);
    await started.promise;
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "cancelled" });
    const cut = origin.proof(path("song"), version);
    setTimeout(() => server.cut(), 30);
    await expect(cut).rejects.toMatchObject({ code: "connection" });
    await origin.close();
  });
});
