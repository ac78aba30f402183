/** The source tree as the structure check sees it. */

/** Text of each file by its path relative to the project's root, with `/` between the parts. */
export type SourceTree = ReadonlyMap<string, string>;

/** A finding; `path` is the file to mend. */
export interface Finding {
  readonly path: string;
  readonly what: string;
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The file it leads to, for a relative specifier; undefined for a package or a built-in module. */
  readonly target: string | undefined;
  /** Whether it is loaded together with the file: neither a type nor a dynamic import. */
  readonly eager: boolean;
}

const transpilers = {
  ts: new Bun.Transpiler({ loader: "ts" }),
  tsx: new Bun.Transpiler({ loader: "tsx" }),
};

/**
 * Statements start a line, as the formatter leaves them. The transpiler drops those for types only; this sees them,
 * and `import("…").Type`.
 */
const STATEMENTS = [
  /^(?:import|export)\b[^;"'`]*?\bfrom\s*"([^"]+)"/gm,
  /^import\s*"([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"\s*,?\s*\)/g,
];

function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Every import and re-export of a file, those of types included, each once. */
export function importsOf(path: string, text: string): readonly Import[] {
  if (!/\.tsx?$/.test(path)) return [];
  const loaded = transpilers[path.endsWith(".tsx") ? "tsx" : "ts"].scanImports(text);
  const eager = new Set(
    loaded.filter(({ kind }) => kind !== "dynamic-import").map((found) => found.path),
  );
  const specifiers = new Set([
    ...loaded.map((found) => found.path),
    ...STATEMENTS.flatMap((statement) =>
      [...text.matchAll(statement)].map(([, specifier = ""]) => specifier),
    ),
  ]);
  // The JSX transform adds a specifier of its own, which no file writes.
  return [...specifiers]
    .filter((specifier) => specifier.startsWith(".") || text.includes(`"${specifier}"`))
    .map((specifier) => ({
      specifier,
      target: resolve(path, specifier),
      eager: eager.has(specifier),
    }));
}

/** The package a specifier names: `@scope/name`, `name`, or a built-in module as it is. */
export function packageOf(specifier: string): string {
  if (/^(?:node|bun):/.test(specifier)) return specifier;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
