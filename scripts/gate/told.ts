/** Secrets in what a run of tests put out. */
import { SECRET_MARK } from "../secrets.ts";

/** The mark as it stands, and in the encodings that headers and dumps use. */
const TRACES: readonly string[] = [
  SECRET_MARK,
  Buffer.from(SECRET_MARK).toString("hex"),
  ...[0, 1, 2].map(base64After),
  "PRIVATE KEY-----",
];

/** What stays the same of the mark's base64 when so many bytes, modulo 3, come before it. */
function base64After(bytes: number): string {
  const encoded = Buffer.from(`${"x".repeat(bytes)}${SECRET_MARK}`).toString("base64");
  const whole = Math.floor((bytes + SECRET_MARK.length) / 3) * 4;
  return encoded.slice(bytes === 0 ? 0 : 4, whole);
}

/** The lines that tell a secret, cut off where it begins. */
export function toldSecrets(output: string): readonly string[] {
  return output.split("\n").flatMap((line) => {
    const starts = TRACES.map((trace) => line.indexOf(trace)).filter((at) => at >= 0);
    if (starts.length === 0) return [];
    return [`${line.slice(0, Math.min(...starts)).slice(-200)}[a secret]`];
  });
}
