/** Which part of the program may import which: downwards only. */
import { type Finding, importsOf, packageOf, type SourceTree } from "./source.ts";

/** The rooms, and for each the rooms it may import from besides itself. `core` are the files directly in src/core. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = (() => {
  const foundations = ["core", "sys", "config"];
  const storage = [...foundations, "origins", "catalog"];
  const data = [...storage, "cache", "sync"];
  const core = [...data, "federation", "fuse", "vfs", "control", "threads", "mount", "doctor"];
  return {
    core: [],
    sys: ["core"],
    config: ["core", "sys"],
    fuse: ["core", "sys"],
    origins: foundations,
    catalog: foundations,
    cache: storage,
    sync: data,
    federation: data,
    vfs: [...data, "federation", "fuse"],
    control: [...data, "federation"],
    threads: [...data, "fuse", "vfs"],
    mount: core,
    doctor: [...data, "federation", "fuse", "control"],
    tui: ["core", "config", "control"],
    commands: [...core, "tui"],
    main: [...core, "commands"],
  };
})();

/** Files that say what a room promises and hold no code that does it. Every room of core may import them. */
const CONTRACTS: readonly string[] = [
  "src/core/origins/origin.ts",
  "src/core/catalog/catalog.ts",
  "src/core/federation/file.ts",
  "src/core/fuse/filesystem.ts",
];

/** Data from outside src/ that becomes part of the program. */
const DATA: readonly string[] = ["package.json", "dist/licenses.txt"];

/** What contracts are made of, besides each other. */
const CONTRACT_IMPORTS: readonly string[] = ["core", "sys"];

/** Packages of the command line and the terminal, which core knows nothing of. */
const NOT_IN_CORE: readonly string[] = ["commander", "ink", "react"];

/** The only files with foreign functions. */
const FOREIGN_FUNCTIONS = /^src\/core\/(?:sys\/[^/]+|fuse\/device[^/]*)\.ts$/;

/** The room of a file in src/; undefined for a path that lies in none. */
export function roomOf(path: string): string | undefined {
  const [src, first, second, third] = path.split("/");
  if (src !== "src" || first === undefined) return undefined;
  if (second === undefined) return first === "main.ts" ? "main" : undefined;
  if (first !== "core") return first;
  return third === undefined ? "core" : second;
}

function forbiddenTarget(path: string, room: string, target: string): string | undefined {
  if (DATA.includes(target)) return undefined;
  const other = roomOf(target);
  if (other === undefined) return `imports ${target}, which lies in no room of src/`;
  if (other === room) return undefined;
  if (CONTRACTS.includes(path)) {
    if (CONTRACT_IMPORTS.includes(other) || CONTRACTS.includes(target)) return undefined;
    return `is a contract and imports ${target}, which is none`;
  }
  const shared = path.startsWith("src/core/") && CONTRACTS.includes(target);
  if (shared || MAY_IMPORT[room]?.includes(other)) return undefined;
  return `imports ${target}: ${room} does not import from ${other}`;
}

function forbiddenPackage(path: string, specifier: string): string | undefined {
  const name = packageOf(specifier);
  if (path.startsWith("src/core/") && NOT_IN_CORE.includes(name))
    return `imports ${name}: core does not know it`;
  if (name === "bun:ffi" && !FOREIGN_FUNCTIONS.test(path)) {
    return "imports bun:ffi: only src/core/sys and src/core/fuse/device*.ts do";
  }
  return undefined;
}

export function checkRooms(tree: SourceTree): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    if (!path.startsWith("src/")) continue;
    const room = roomOf(path);
    if (room === undefined || MAY_IMPORT[room] === undefined) {
      findings.push({ path, what: "lies in no known room; see scripts/structure/rooms.ts" });
      continue;
    }
    for (const { specifier, target } of importsOf(path, text)) {
      const what =
        target === undefined
          ? forbiddenPackage(path, specifier)
          : forbiddenTarget(path, room, target);
      if (what !== undefined) findings.push({ path, what });
    }
  }
  return findings;
}
