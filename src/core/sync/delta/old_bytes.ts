/** The bytes of an older version that is at hand as a whole. */

export interface OldBytes {
  readonly sizeBytes: number;
  /**
   * The bytes from `offsetBytes` on, `lengthBytes` of them or as many as there are. Rejects with
   * OwnError `cache` when they turn out not to be there any more.
   */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
}
