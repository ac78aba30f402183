/** Text for roff, with the macros of man(7). */

/** Running text: nothing in it is taken for a request, and hyphens stay what they are typed as. */
export function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return escaped.replaceAll(/^([.'])/gm, "\\&$1");
}

export function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${roff(text)}\\fR`;
}

/** A macro's argument. */
export function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}

export function section(title: string, ...lines: readonly string[]): string {
  return [`.SH ${quoted(title)}`, ...lines].join("\n");
}

export function subsection(title: string, ...lines: readonly string[]): string {
  return [`.SS ${quoted(title)}`, ...lines].join("\n");
}

/** What stands left is roff already. */
export function entry(tag: string, text: string): string {
  return `.TP\n${tag}\n${roff(text)}`;
}

/** As it is typed, line by line. */
export function verbatim(text: string): string {
  return `.PP\n.nf\n${roff(text)}\n.fi`;
}
