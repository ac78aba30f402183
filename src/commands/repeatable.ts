/** Flags that may be given several times. */

/** Commander's parser for them: `before` is undefined at the first. */
export function repeatable(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
