/** Where scripts/build.ts has the licences collected; run from the sources, they are collected anew. */
const COLLECTOR = new URL("../../scripts/licenses.ts", import.meta.url);

/** The licences of everything compiled into this binary, as text for a person. */
export async function licenses(): Promise<string> {
  if (import.meta.path.startsWith("/$bunfs/")) {
    const { default: text } = await import("../../dist/licenses.txt", { with: { type: "text" } });
    return text;
  }
  const collector = Bun.spawn([process.execPath, COLLECTOR.pathname], { stdin: "ignore" });
  const [text, status] = await Promise.all([collector.stdout.text(), collector.exited]);
  if (status !== 0) throw new Error(`the licences could not be collected: exit status ${status}`);
  return text;
}
