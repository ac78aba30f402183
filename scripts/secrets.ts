/**
 * Secrets of test servers. Every one holds the same mark, so that whoever looks through outputs and logs
 * needs to know none of them.
 */

/** In nothing else that anybody prints. */
export const SECRET_MARK = "neverTold";

/** The secret of `owner`: a password, a passphrase, a secret key. */
export function secret(owner: string): string {
  return `${owner}-${SECRET_MARK}-4711`;
}
