/** What goes into the binary, and how: shared by the build and by the collection of licences. */
import type { BuildConfig, BunPlugin } from "bun";

/** Where the build puts the licences' text, which src/commands/licenses.ts imports. */
export const LICENSES_FILE = "dist/licenses.txt";

/**
 * Optional parts of dependencies that are left out, so that the binary is the same wherever it is built: native
 * addons of ssh2, for which it has code of its own, and Ink's development tools.
 */
const LEFT_OUT = /\.node$|^cpu-features$|^react-devtools-core$/;

/** Stands in for what is left out: a CommonJS module that throws when it is required, as a missing one does. */
const leaveOut: BunPlugin = {
  name: "leave-out",
  setup(build) {
    build.onResolve({ filter: LEFT_OUT }, ({ path }) => ({ path, namespace: "left-out" }));
    build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      loader: "js",
      contents: `module.exports = {}; throw new Error(${JSON.stringify(`${path} is not part of musicfs`)});`,
    }));
  },
};

/** The program and the code of its threads, which src/core/threads/spawn.ts starts by their paths. */
function entryPoints(): string[] {
  return ["src/main.ts", ...[...new Bun.Glob("src/core/threads/*.worker.ts").scanSync(".")].sort()];
}

/**
 * Options of `Bun.build` for the program in the current directory. Dynamic imports stay separate chunks, which are
 * loaded when they are asked for: that keeps `musicfs --help` fast. Identifiers stay readable in stack traces.
 */
export function bundleConfig(define: Readonly<Record<string, string>> = {}): BuildConfig {
  return {
    entrypoints: entryPoints(),
    root: ".",
    target: "bun",
    format: "esm",
    splitting: true,
    minify: { whitespace: true, syntax: true },
    define: { "process.env.NODE_ENV": '"production"', ...define },
    plugins: [leaveOut],
  };
}
