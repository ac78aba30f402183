/** A lock between processes on this machine: flock(2), held by a child until disposed or we die. */

const WAIT_SECONDS = 600;

/** Waits up to ten minutes for `file`, which is created when missing and never removed. */
export async function lockFile(file: string): Promise<AsyncDisposable> {
  // The child lets go when its standard input ends, so a killed holder never leaves the lock behind.
  const holder = Bun.spawn(
    ["flock", "--timeout", String(WAIT_SECONDS), file, "sh", "-c", "echo locked; read -r _"],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const reader = holder.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error(`could not lock ${file} within ${WAIT_SECONDS} s`);
  return {
    async [Symbol.asyncDispose]() {
      await holder.stdin.end();
      await holder.exited;
    },
  };
}
