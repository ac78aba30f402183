import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import { editOrigins, type OriginEdit, type OriginValues } from "../../../src/core/config/edit.ts";

const FILE = `# The library of the house.
# Edit with care.

mount_point = "/mnt/music" # where players look

# The disk in this machine.
[[origins]]
id = "disk"   # fast
origin_type = "local"
path = '/srv/music'
# commented = "out"
priority = 1

# The NAS, by its mount.
[[origins]]
  id = "nas"
  origin_type = "smb"
  path = "/mnt/nas"

  [origins.credentials]
  # kept by systemd
  file = "nas"
# end of nas

# ---- health ----

[health]
timeout_ms = 1000 # quick
`;

const edit = (text: string, change: OriginEdit) => editOrigins(text, "c.toml", change);

describe("editOrigins()", () => {
  test("changes a value where it stands", async () => {
    const edited = await edit(FILE, {
      kind: "set",
      id: "disk",
      values: { priority: 7 },
      unset: [],
    });
    expect(edited).toBe(FILE.replace("priority = 1", "priority = 7"));
  });

  test("adds a key at the end of its table, with its neighbours' indentation", async () => {
    const edited = await edit(FILE, {
      kind: "set",
      id: "nas",
      values: { enabled: false },
      unset: [],
    });
    expect(edited).toBe(
      FILE.replace('  path = "/mnt/nas"\n', '  path = "/mnt/nas"\n  enabled = false\n'),
    );
  });

  test("removes a key with its line", async () => {
    const edited = await edit(FILE, { kind: "set", id: "disk", values: {}, unset: ["priority"] });
    expect(edited).toBe(FILE.replace("priority = 1\n", ""));
  });

  test("changes credentials in the form they have", async () => {
    const values = { credentials: { env: "NAS" } };
    const edited = await edit(FILE, { kind: "set", id: "nas", values, unset: [] });
    expect(edited).toBe(FILE.replace('  file = "nas"\n', '  env = "NAS"\n'));
    const without = await edit(FILE, {
      kind: "set",
      id: "nas",
      values: {},
      unset: ["credentials"],
    });
    expect(without).toBe(
      FILE.replace(
        '\n  [origins.credentials]\n  # kept by systemd\n  file = "nas"\n# end of nas\n',
        "",
      ),
    );
    const again = await edit(without, { kind: "set", id: "nas", values, unset: [] });
    expect(again).toContain('  path = "/mnt/nas"\n  credentials = { env = "NAS" }\n');
  });

  test("removes an origin with its comments and no other", async () => {
    const first = await edit(FILE, { kind: "remove", id: "disk" });
    const from = FILE.indexOf("\n# The disk");
    expect(first).toBe(FILE.slice(0, from) + FILE.slice(FILE.indexOf("\n# The NAS")));
    const second = await edit(FILE, { kind: "remove", id: "nas" });
    expect(second).toBe(
      FILE.slice(0, FILE.indexOf("\n# The NAS")) + FILE.slice(FILE.indexOf("\n# ---- health")),
    );
  });

  test("keeps the comment that begins a file whose first origin goes", async () => {
    const text = '# My music.\n[[origins]]\nid = "a"\norigin_type = "local"\npath = "/a"\n';
    expect(await edit(text, { kind: "remove", id: "a" })).toBe("# My music.\n");
  });

  test("adds an origin after the others", async () => {
    const values = { id: "new", origin_type: "local", path: "/new", exclude: ["*.log"] };
    const edited = await edit(FILE, { kind: "add", values });
    const at = FILE.indexOf("\n# ---- health");
    expect(edited).toBe(
      `${FILE.slice(0, at)}\n[[origins]]\nid = "new"\norigin_type = "local"\npath = "/new"\nexclude = ["*.log"]\n${FILE.slice(at)}`,
    );
  });

  test("adds an origin to an empty file and to one without a last line end", async () => {
    const values = { id: "a", origin_type: "local", path: "/a" };
    const block = '[[origins]]\nid = "a"\norigin_type = "local"\npath = "/a"\n';
    expect(await edit("", { kind: "add", values })).toBe(block);
    expect(await edit('cache_dir = "/c"', { kind: "add", values })).toBe(
      `cache_dir = "/c"\n\n${block}`,
    );
    expect(await edit('\ufeffcache_dir = "/c"\r\n', { kind: "add", values })).toBe(
      `\ufeffcache_dir = "/c"\r\n\r\n${block.replaceAll("\n", "\r\n")}`,
    );
  });

  test("edits arrays of inline tables", async () => {
    const text = `origins = [
  # first
  { id = "a", origin_type = "local", path = "/a" }, # one
  { id = "b", origin_type = "local", path = "/b", credentials.env = "B" } # two
]
`;
    expect(await edit(text, { kind: "remove", id: "a" })).toBe(
      text.replace('  # first\n  { id = "a", origin_type = "local", path = "/a" }, # one\n', ""),
    );
    expect(await edit(text, { kind: "remove", id: "b" })).toBe(
      text.replace(/ {2}\{ id = "b".*\n/, ""),
    );
    const values = { id: "c", origin_type: "local", path: "/c" };
    expect(await edit(text, { kind: "add", values })).toBe(
      text.replace("} # two\n", '}, # two\n  { id = "c", origin_type = "local", path = "/c" }\n'),
    );
    const set = { credentials: { file: "/f" }, priority: 3 };
    expect(
      await edit(text, { kind: "set", id: "b", values: set, unset: ["path"] }).catch(String),
    ).toContain("--path is missing");
    expect(await edit(text, { kind: "set", id: "b", values: set, unset: [] })).toBe(
      text.replace('credentials.env = "B"', 'credentials.file = "/f", priority = 3'),
    );
    expect(await edit("origins = []\n", { kind: "add", values })).toBe(
      'origins = [{ id = "c", origin_type = "local", path = "/c" }]\n',
    );
    const line =
      'origins = [{id="a",origin_type="local",path="/a"},{id="b",origin_type="local",path="/b"}] # x';
    expect(await edit(line, { kind: "remove", id: "b" })).toBe(
      'origins = [{id="a",origin_type="local",path="/a"}] # x',
    );
  });

  test("escapes what TOML must have escaped", async () => {
    const path = '/a "b"\\c\t\u0001\u007f🎵';
    const edited = await edit(FILE, { kind: "set", id: "disk", values: { path }, unset: [] });
    expect(edited).toContain('path = "/a \\"b\\"\\\\c\\t\\u0001\\u007f🎵"');
  });

  test("refuses what would not be right, and says why", async () => {
    const fails = (change: OriginEdit) =>
      edit(FILE, change).then(String, (error) => `${error.code}: ${error.message}`);
    expect(await fails({ kind: "remove", id: "nsa" })).toBe(
      'usage: there is no origin "nsa"; did you mean "nas"?',
    );
    expect(
      await fails({ kind: "add", values: { id: "nas", origin_type: "local", path: "/" } }),
    ).toBe('usage: there is an origin "nas" already; change it with: origins set');
    expect(await fails({ kind: "set", id: "nas", values: { id: "attic" }, unset: [] })).toBe(
      'usage: origin "nas" keeps its id, by which its files are known; add another and remove this one',
    );
    expect(
      await fails({ kind: "add", values: { id: "N", origin_type: "s3", path: "x", host: "h" } }),
    ).toBe(
      'usage: ID must be 1 to 64 characters of a-z, 0-9, _ and -, not "N"; --bucket is missing: the bucket; --host is not a setting here; it belongs to sftp, not s3',
    );
    expect(await fails({ kind: "set", id: "nas", values: { priority: 256 }, unset: [] })).toBe(
      "usage: --priority must be a whole number from 0 to 255, not 256",
    );
    const broken = editOrigins(`${FILE}x = 1\n`, "c.toml", { kind: "remove", id: "nas" });
    await expect(broken).rejects.toThrow("c.toml:29:1: health.x is not a setting here");
  });
});

/** mulberry32: small, seeded, good enough to pick edits. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomFile(random: () => number): string {
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const count = Math.floor(random() * 4);
  const eol = pick(["\n", "\n", "\r\n"]);
  const note = () => pick(["", "", ` # ünrelated ${Math.floor(random() * 1e6)} 🎵`]);
  const free = () => pick(["", `${eol}# free ${Math.floor(random() * 1e6)}${eol}${eol}`, eol]);
  let text = pick(["", `# head${eol}${eol}`]) + pick(["", `mount_point = "/m"${note()}${eol}`]);
  if (pick([true, false, false])) {
    const separator = pick([", ", `,${eol}  `, `,${note()}${eol}  # own${eol}  `]);
    const items = Array.from(
      { length: count },
      (_, index) =>
        `{ id = "o${index}", "origin_type" = 'local', path = "/${index}"${pick(["", ", credentials.env = 'E'", ", credentials = {file = '/f'}"])} }`,
    );
    text += `origins = [${pick(["", `${eol}  `])}${items.join(separator)}${pick(["", count ? "," : ""])}${pick(["", eol])}]${note()}${eol}${free()}`;
  } else {
    for (let index = 0; index < count; index++) {
      text +=
        free() + pick(["", `# about ${index}${eol}`]) + pick(["[[origins]]", '[[ "origins" ]]']);
      text += `${note()}${eol}id = "o${index}"${note()}${eol}${pick(["", eol])}origin_type = "local"${eol}`;
      text += `  path = """${pick(["", eol])}/a${index}"""${note()}${eol}`;
      text += pick(["", `exclude = [${eol} "x", # y${eol} "z"${eol}]${eol}`]);
      text += pick([
        "",
        `credentials.env = "E"${eol}`,
        `${eol}[origins.credentials]${note()}${eol}file = "/f"${eol}`,
        `credentials = { command = "c" }${eol}`,
      ]);
      text += pick(["", `# below ${index}${eol}`]);
      text += pick(
        ["", "", `${eol}[cache]${eol}prefetch = true${note()}${eol}`].slice(0, index === 0 ? 3 : 1),
      );
    }
  }
  text += free() + pick(["", `[health]${note()}${eol}timeout_ms = 100${note()}${eol}`]) + free();
  return pick([text, text.trimEnd()]);
}

function randomEdit(random: () => number, ids: readonly string[], step: number): OriginEdit {
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const values: Record<string, OriginValues[string]> = {};
  if (random() < 0.5) values["priority"] = Math.floor(random() * 256);
  if (random() < 0.3) values["enabled"] = random() < 0.5;
  if (random() < 0.3) values["exclude"] = ["*.log", 'q"uote'];
  if (random() < 0.3) values["path"] = `/p${step}`;
  if (random() < 0.4)
    values["credentials"] = pick([{ env: "X" }, { file: "~/f" }, { command: "a b" }]);
  const kind = ids.length === 0 ? "add" : pick(["add", "set", "set", "set", "remove"] as const);
  if (kind === "remove") return { kind, id: pick(ids) };
  if (kind === "add") {
    return { kind, values: { id: `n${step}`, origin_type: "local", path: "/n", ...values } };
  }
  const unset = ["priority", "enabled", "exclude", "credentials"].filter(
    (key) => !(key in values) && random() < 0.3,
  );
  return { kind, id: pick(ids), values, unset };
}

interface Parsed {
  readonly origins?: readonly { readonly id: string }[];
}

describe("random edits (seeded)", () => {
  test("come to what they mean and leave every other line as it was", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      let text = randomFile(random);
      const at = `seed ${seed}`;
      for (let step = 0; step < 6; step++) {
        const before = parse(text) as Parsed;
        const change = randomEdit(
          random,
          (before.origins ?? []).map(({ id }) => id),
          step,
        );
        const edited = await edit(text, change);
        const expected = model(before, change);
        expect((parse(edited) as Parsed).origins ?? [], at).toEqual(expected as never);
        expect({ ...parse(edited), origins: 0 }, at).toEqual({ ...before, origins: 0 } as never);
        for (const kept of unrelatedLines(text))
          expect(edited, `${at}: ${JSON.stringify(change)}`).toContain(kept);
        expect(/\r\n/.test(text) && /[^\r]\n/.test(edited), at).toBe(false);
        text = edited;
      }
    }
  });
});

function model({ origins = [] }: Parsed, change: OriginEdit): readonly unknown[] {
  if (change.kind === "add") return [...origins, change.values];
  if (change.kind === "remove") return origins.filter(({ id }) => id !== change.id);
  return origins.map((origin) => {
    if (origin.id !== change.id) return origin;
    const rest = Object.entries(origin).filter(([key]) => !change.unset.includes(key));
    return { ...Object.fromEntries(rest), ...change.values };
  });
}

/** Lines that are no part of any origin: free comments, the file's head, other tables. */
function unrelatedLines(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) =>
      /^(# free|# head|mount_point|\[cache\]|prefetch|\[health\]|timeout_ms)/.test(line),
    )
    .map((line) => line.replace(/\r$/, ""));
}
