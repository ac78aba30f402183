/** Patterns of host names as OpenSSH writes them (ssh_config(5), PATTERNS), any case. */

/**
 * Whether `text` matches a pattern of `*` (any characters) and `?` (any one). Takes time
 * proportional to the product of both lengths at worst, whatever the pattern.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const glob = pattern.toLowerCase();
  const name = text.toLowerCase();
  let at = 0;
  let star = -1;
  let resume = 0;
  let inGlob = 0;
  while (at < name.length) {
    if (inGlob < glob.length && glob[inGlob] === "*") {
      star = inGlob++;
      resume = at;
    } else if (inGlob < glob.length && (glob[inGlob] === "?" || glob[inGlob] === name[at])) {
      inGlob++;
      at++;
    } else if (star >= 0) {
      inGlob = star + 1;
      at = ++resume;
    } else return false;
  }
  while (glob[inGlob] === "*") inGlob++;
  return inGlob === glob.length;
}

/** Whether any pattern matches and none that begins with `!` does. */
export function matchesPatternList(patterns: readonly string[], text: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, text)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
