/** Why something is wrong with an origin, beside its name. */

/** Errors name their origin; where it stands already, that is left out. */
export function reasonFor(origin: string, message: string): string {
  const prefix = `origin ${origin}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
