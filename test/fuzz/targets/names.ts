import {
  baseName,
  displayPath,
  isValidName,
  isValidPath,
  joinPath,
  nameFromBytes,
  nameFromText,
  parentPath,
  pathFromText,
  textOf,
  toBytes,
} from "../../../src/core/bytes.ts";
import { DEFAULT_EXCLUDE } from "../../../src/core/config/exclude.ts";
import { readDirents } from "../../../src/core/origins/disk/dirents.ts";
import { decodeListed, KeySpace } from "../../../src/core/origins/s3/keys.ts";
import { matchesPatternList } from "../../../src/core/origins/sftp/host_pattern.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { type FuzzTarget, fuzzed, must } from "../target.ts";

/** What a terminal would act on (C0, DEL, C1), or that turns what follows around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const DRIVES_TERMINALS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const dirent = (name: string) => {
  const bytes = Buffer.alloc(24 + Math.ceil(name.length / 8) * 8);
  bytes.writeUInt16LE(bytes.length, 16);
  bytes[18] = 8;
  bytes.write(name, 19, "latin1");
  return bytes;
};

/** Names and paths are bytes of others' choice: taken apart and put together, shown and matched. */
export const names: FuzzTarget = {
  name: "names",
  seeds: [
    ...["a/b c/d.flac", "Bj\xf6rk/\xe9", "..", "a//b", "\u001b]0;x\u0007", "*.tmp\xff.x.tmp"],
    ...["**/{a,b}/*\xffa/b", "[a-z]?!x\xffm", "a%2Fb+c%zz", "café/🎵", "x".repeat(255)],
  ]
    .map((text) => Buffer.from(text, "latin1"))
    .concat([Buffer.concat([dirent("."), dirent("song.mp3"), dirent("a/b")])]),
  tokens: [
    "/",
    "..",
    ".",
    "*",
    "**",
    "?",
    "{",
    "}",
    "[",
    "]",
    "!",
    ",",
    "%",
    "\0",
    "\u202e",
    "\x9b",
  ],
  smokeInputs: 15_000,
  start() {
    const standard = new Exclusion(DEFAULT_EXCLUDE);
    const keys = new KeySpace("music/");
    return fuzzed((input) => {
      const name = nameFromBytes(input);
      must(Buffer.from(input).equals(toBytes(name)), "bytes are lost");
      must(!DRIVES_TERMINALS.test(displayPath(name)), "what is shown drives a terminal");
      const text = textOf(name);
      must(text === undefined || nameFromText(text) === name, "text is not its bytes");
      if (isValidPath(name)) {
        const again = joinPath(parentPath(name), baseName(name));
        must(name === "" || again === name, "a path is not its parts");
        must(pathFromText(Buffer.from(input).toString()) !== "..", "a path leads out");
        standard.excludes(baseName(name), name);
        const key = keys.keyOf(name);
        must(key === undefined || key === `music/${text}`, "a key is not its path's");
      } else
        must(
          name.split("/").some((part) => !isValidName(part)),
          "a good path is refused",
        );
      decodeListed(Buffer.from(input).toString(), "url");
      matchPatterns(name);
      listRecords(input);
    });
  },
};

/** The part before a separator byte is patterns, the part behind it what they are matched with. */
function matchPatterns(name: string): void {
  const [patterns = "", matched = ""] = name.split("\xff", 2);
  const globs = patterns.split(",");
  matchesPatternList(globs, matched);
  if (!isValidPath(matched) || matched === "") return;
  new Exclusion(globs).excludes(baseName(matched), matched);
}

/** What a file system lists: names that no file can have never get further. */
function listRecords(input: Uint8Array): void {
  const memory = new Memory(input.byteLength + 1);
  memory.bytes.set(input);
  for (const { name } of readDirents(memory, 0, input.byteLength)) {
    must(isValidName(name), "a name that no file can have");
  }
}
