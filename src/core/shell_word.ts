/** One word of a POSIX shell's command line; text of plain characters stays as it is. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./~+:=,@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
