/** Programs that use a mount, in processes of their own. */

const interrupted = new AbortController();

/**
 * From now on SIGINT and SIGTERM end the program that runs, and so the measurement, which cleans up
 * after itself as after any failure.
 */
export function endOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
  }
}

/** Runs a program to its end and answers its output; throws unless it exits 0. */
export async function runProgram(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { signal } = interrupted;
  signal.throwIfAborted();
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    signal,
  });
  const [output, code] = await Promise.all([child.stdout.text(), child.exited]);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`exit status ${code}: ${command.join(" ")}`);
  return output;
}
