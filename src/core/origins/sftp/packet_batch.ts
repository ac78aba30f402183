/**
 * Packets that are sent in one go: those of one turn of the event loop become one write, and so one encrypted packet
 * of SSH and one system call. SFTP's packets are a stream; where SSH cuts it means nothing.
 */
export class PacketBatch {
  #packets: Uint8Array[] = [];

  /** `write` gets the packets in the order they were added. */
  constructor(
    private readonly write: (bytes: Uint8Array) => void,
    /** Calls back once what runs now, and the promises that it settles, have run. */
    private readonly afterThisTurn: (flush: () => void) => void = process.nextTick,
  ) {}

  add(packet: Uint8Array): void {
    this.#packets.push(packet);
    if (this.#packets.length === 1) this.afterThisTurn(() => this.#flush());
  }

  #flush(): void {
    const packets = this.#packets;
    this.#packets = [];
    const [only] = packets;
    this.write(packets.length === 1 && only !== undefined ? only : Buffer.concat(packets));
  }
}
