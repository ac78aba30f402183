/** The completion of the shells themselves, asking the program. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { needing } from "../support/needs.ts";
import { Home } from "./cli.ts";

const ORIGIN = 'origin_type = "local"\npath = "/tmp"\n';

/** A home with two origins, and `musicfs` on its PATH. */
async function home(): Promise<Home> {
  const made = new Home();
  await Bun.write(
    made.configFile,
    `[[origins]]\nid = "nas"\n${ORIGIN}[[origins]]\nid = "nearby"\n${ORIGIN}`,
  );
  const program = join(made.path, "bin/musicfs");
  mkdirSync(join(made.path, "bin"));
  symlinkSync(BINARY, program);
  mkdirSync(join(made.path, "Music Library"));
  return made;
}

async function shell(at: Home, ...command: readonly string[]): Promise<string> {
  const PATH = `${join(at.path, "bin")}:${process.env["PATH"] ?? ""}`;
  const child = Bun.spawn([...command], {
    cwd: at.path,
    env: { PATH, HOME: at.path, XDG_CONFIG_HOME: join(at.path, ".config"), TERM: "dumb" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(err).toBe("");
  return out;
}

/** Lines, and what each shell has to offer at their end. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  "musicfs orig": ["origins"],
  "musicfs origins ": ["add", "set", "rm", "ls", "enable", "disable"],
  "musicfs origins set ne": ["nearby"],
  "musicfs origins rm ": ["nas", "nearby"],
  "musicfs scan nas ne": ["nearby"],
  "musicfs mount --passthrough a": ["all"],
  "musicfs origins add x --type s": ["smb", "s3", "sftp"],
  "musicfs scan --al": ["--allow-empty"],
  "musicfs completion z": ["zsh"],
  "musicfs origins add ": [],
};

/** A shell starts the program anew for each line. */
const LIMIT_MS = 60_000;

/** What `script` says of each line it is given: a line `> LINE`, and then a candidate a line. */
async function offers(
  at: Home,
  [program = "", ...args]: readonly string[],
  lines: readonly string[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const said = await shell(at, program, ...args, ...lines);
  const blocks = said.split(/^> /m).slice(1);
  return Object.fromEntries(
    blocks.map((block) => {
      const [line = "", ...found] = block.split("\n");
      return [line, found.filter((each) => each !== "").sort()];
    }),
  );
}

const SORTED = Object.fromEntries(
  Object.entries(LINES).map(([line, offered]) => [line, [...offered].sort()]),
);

describe("musicfs completion", () => {
  // What bash itself does for the Tab key: the words go into COMP_WORDS, the function is called.
  const BASH = `
    eval "$(musicfs completion bash)"
    compopt() { :; }
    for line; do
      printf '> %s\\n' "$line"
      IFS=' ' read -ra COMP_WORDS <<< "$line"
      [[ $line == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); COMPREPLY=()
      _musicfs; printf '%s\\n' "\${COMPREPLY[@]}"
    done`;

  needing("bash").test(
    "completes in bash",
    async () => {
      using at = await home();
      const bash = ["bash", "-c", BASH, "bash"];
      expect(await offers(at, bash, Object.keys(LINES))).toEqual(SORTED);
      const more = ["musicfs mount Mus", "musicfs --log-level = w"];
      expect(await offers(at, bash, more)).toEqual({
        "musicfs mount Mus": ["Music Library"],
        "musicfs --log-level = w": ["warn"],
      });
    },
    LIMIT_MS,
  );

  const FISH = `
    musicfs completion fish | source
    for line in $argv; echo "> $line"; complete -C "$line" | string replace -r '\\t.*' ''; end`;

  needing("fish").test(
    "completes in fish",
    async () => {
      using at = await home();
      const fish = ["fish", "--no-config", "-c", FISH];
      expect(await offers(at, fish, Object.keys(LINES))).toEqual(SORTED);
    },
    LIMIT_MS,
  );

  // zsh has no way to complete without a terminal: its own functions are stood in for.
  const ZSH = `
    compdef() { :; }
    eval "$(musicfs completion zsh)"
    _describe() { print -rl -- "\${(@)\${(@P)2}%%:*}"; }
    _files() { print -r -- "files $*"; }
    for line; do
      print -r -- "> $line"
      words=("\${(@s: :)line}"); CURRENT=\${#words}
      _musicfs
    done`;

  needing("zsh").test(
    "completes in zsh, as far as that is to be had without its line editor",
    async () => {
      using at = await home();
      const zsh = ["zsh", "-f", "-c", ZSH, "zsh"];
      expect(await offers(at, zsh, Object.keys(LINES))).toEqual(SORTED);
      const paths = "musicfs mount ";
      expect(await offers(at, zsh, [paths])).toEqual({ [paths]: ["files -/"] });
    },
    LIMIT_MS,
  );

  test("names the shells it knows", async () => {
    using at = new Home();
    const { code, stderr } = await at.run("completion", "tcsh");
    expect(code).toBe(2);
    expect(stderr).toContain("Allowed choices are bash, zsh, fish");
  });

  test("offers nothing, and complains of nothing, where the configuration is wrong", async () => {
    using at = await home();
    await Bun.write(at.configFile, "x = \n");
    expect(await at.run("__complete", "origins", "rm", "")).toEqual({
      ...{ code: 0, stderr: "" },
      stdout: ":none\n",
    });
  });
});
