/** How the demonstration talks: numbered chapters, what was done, and what was seen to hold. */

const colours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;

function paint(code: number, text: string): string {
  return colours ? `\x1b[${code}m${text}\x1b[0m` : text;
}

let chapters = 0;

export function chapter(title: string): void {
  chapters += 1;
  console.log(`\n${paint(1, `${chapters}. ${title}`)}`);
}

export function say(text: string): void {
  console.log(`   ${text}`);
}

/** A command as a person would type it. */
export function showCommand(command: string): void {
  console.log(`   ${paint(2, "$")} ${command}`);
}

/** What a program printed. */
export function showOutput(text: string): void {
  for (const line of text.trimEnd().split("\n")) console.log(paint(2, `     ${line}`));
}

/** States what must hold; throws when it does not, which ends the demonstration. */
export function hold(condition: boolean, what: string): void {
  if (!condition) throw new Error(`this does not hold: ${what}`);
  console.log(`   ${paint(32, "✓")} ${what}`);
}

/** A number of bytes for people. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
