/**
 * Every bound of the system in one place, with the relations between them asserted below. Units are
 * the last word of a name. What a user may change is configuration and not here.
 */

/** Delays before the second, third and fourth try of one origin (NFR-7.3). */
export const RETRY_DELAYS_MS = [100, 500, 2000] as const;

/** Latency samples kept per origin (F-2). */
export const LATENCY_SAMPLES = 100;

/** Largest READ the session negotiates; also the size of its data buffer. */
export const MAX_READ_BYTES = 1024 * 1024;

/** FUSE's limits on background requests; the kernel's default of 12 blocks all files behind one. */
export const MAX_BACKGROUND_REQUESTS = 4096;

/** A request interrupted by a signal is given up with EINTR only after it waited this long. */
export const INTERRUPT_PATIENCE_MS = 1000;

/** LOOKUP and READDIR are answered within this time, with what is known by then. */
export const DIRECTORY_DEADLINE_MS = 2000;

/** Threads that may block on local disks. No origin holds more than half of them. */
export const READER_THREADS = 4;

/** Of a local file whose opening had to wait for the disk, so much is fetched along with it. */
export const OPEN_FETCH_BYTES = 128 * 1024;

/** Of a directory whose files are opened one after the other, so many are fetched ahead ... */
export const OPEN_AHEAD_FILES = 32;
/** ... what the catalog said of them is gone by for so long ... */
export const OPEN_AHEAD_FRESH_MS = 1000;
/** ... and up to this size they are given to the kernel whole as they are opened. */
export const OPEN_STORE_BYTES = 64 * 1024;

/** Open handles of one mount; OPEN beyond it answers ENFILE. */
export const MAX_OPEN_HANDLES = 16_384;

/** What a mount has open besides its files: the device, databases, connections, cached files. */
export const OTHER_DESCRIPTORS = 1024;

/** A thread that did not use a local disk for so long has nothing of it open. */
export const DISK_IDLE_MS = 5000;

/** Origins of one mount, enabled or not. */
export const MAX_ORIGINS = 64;

/** Deepest directory a scan follows; PATH_MAX leaves room for no more. */
export const MAX_DEPTH = 1024;

/** Directories listed at once by one scan. */
export const SCAN_PARALLEL_DIRECTORIES = 8;

/** Changes are gathered for so long before directories are listed again (S-3). */
export const WATCH_DEBOUNCE_MS = 200;

/** Directories that changed at once; with more the origin is scanned instead of each listed. */
export const WATCH_MAX_DIRECTORIES = 256;

/** Directories whose marks are asked for at once, and the entries that they may have together. */
export const MARKED_DIRECTORIES = 32;
export const MARKED_ENTRIES = 1024;
/** What their paths may take, so that they fit a request to a reader thread. */
export const MARKED_PATH_BYTES = 1024;

/** Entries in one page of a local listing. */
export const LIST_PAGE_ENTRIES = 1024;

/** Guard processes of one origin, stuck ones included. */
export const MAX_GUARDS_PER_ORIGIN = 4;

/** Requests that wait for a guard so long get another one. */
export const GUARD_PATIENCE_MS = 50;

/**
 * A guard beside the first that is not used for so long ends; an origin that is not used for so long
 * keeps nothing open that would hold up an umount.
 */
export const GUARD_IDLE_MS = 5000;

/** Requests that wait for the guards of one origin. */
export const GUARD_QUEUE_REQUESTS = 4096;

/** Operations that wait for their turn at one origin; beyond it they fail as `overloaded`. */
export const ORIGIN_QUEUE_OPERATIONS = 4096;

/** The longest a seam of served bytes kept to compare replicas. */
export const SEAM_BYTES = 64 * 1024;

/** Open handles for which seams are kept; the least recently read gives way. */
export const SEAM_HANDLES = 32;

/** Fingerprint: this much of head and tail ... */
export const FINGERPRINT_EDGE_BYTES = 64 * 1024;
/** ... and samples of this size in between. */
export const FINGERPRINT_SAMPLE_BYTES = 16 * 1024;
export const FINGERPRINT_SAMPLES = 4;

/** While another replica could serve, a silent origin is given up after its reads' p95, in here. */
export const SWITCH_MIN_MS = 50;
export const SWITCH_MAX_MS = 1000;
/** Fewer reads than this have no p95 worth the name; SWITCH_MAX_MS holds until then. */
export const SWITCH_MIN_SAMPLES = 20;

/** Reads asked of a second origin because the first is slow: this share of all, ... */
export const HEDGE_SHARE = 0.05;
/** ... and so many in a row after a time in which none was. */
export const HEDGE_BURST = 10;

/** Reads up to this size are as good as their first byte: they count as latency samples (F-2). */
export const FIRST_BYTE_READ_BYTES = 256 * 1024;

/** An I/O error on a file makes its origin be checked, but not more often than this. */
export const SUSPECT_CHECK_INTERVAL_MS = 5000;

/** Clocks apart or a timer late by more than this: the machine slept. */
export const CLOCK_JUMP_MS = 10_000;

/** `file_unavailable` is told once in this time per file. */
export const UNAVAILABLE_EVENT_INTERVAL_MS = 60_000;

/** Files, and pairs of versions, about which the federation remembers something. */
export const REMEMBERED_FILES = 4096;

/** Buffers of reads kept for reuse, together. */
export const READ_BUFFERS_BYTES = 16 * 1024 * 1024;

/** Files waiting to be fingerprinted; more are dropped and come again with later reads. */
export const FINGERPRINT_QUEUE_FILES = 256;

/** A background read of a whole file goes in slices of this size. */
export const BACKGROUND_SLICE_BYTES = 256 * 1024;

/** Longest SFTP packet accepted; OpenSSH's own limit (SFTP_MAX_MSG_LENGTH). */
export const SFTP_MAX_PACKET_BYTES = 256 * 1024;

/** Largest READ sent: what OpenSSH answers in one packet. */
export const SFTP_MAX_READ_BYTES = 255 * 1024;

/** Every SFTP server answers this much in one packet (filexfer-02, 3). */
export const SFTP_MIN_READ_BYTES = 32 * 1024;

/** Bytes asked for and not yet there, per connection: twice the window of an SSH channel. */
export const SFTP_WINDOW_BYTES = 4 * 1024 * 1024;

/** Requests nobody waits for that a server may owe us before its connection is given up. */
export const SFTP_MAX_ABANDONED_REQUESTS = 1024;

/** After so many bytes received the garbage they left is collected, and each so many times all of it. */
export const COLLECT_EACH_BYTES = 4 * 1024 * 1024;
export const COLLECT_ALL_EACH = 8;

/** Open file handles kept per connection, and how long without use. */
export const SFTP_OPEN_FILES = 64;
export const SFTP_FILE_IDLE_MS = 15_000;

/** A connection is made within this time, host key and login included, or not at all. */
export const SFTP_CONNECT_MS = 10_000;

/** An SSH connection that is not used for so long is closed. */
export const SFTP_IDLE_MS = 60_000;

/** Silence while requests wait: from here on others are served over another connection ... */
export const SFTP_QUIET_MS = 500;
/** ... and from here on, with all connections silent, the longest silent one gives way. */
export const SFTP_REPLACE_MS = 10_000;

/** SSH keep-alives: one each interval, the connection is dead after so many without an answer. */
export const SFTP_KEEPALIVE_MS = 5000;
export const SFTP_KEEPALIVES = 3;

/** Pause after a failed connect, doubled by each further one; operations wait for the end of short ones. */
export const SFTP_BACKOFF_MS = 50;
export const SFTP_WAITED_BACKOFF_MS = 100;
export const SFTP_MAX_BACKOFF_MS = 10_000;

/** Entries of one directory; a listing that goes on is taken for endless. */
export const MAX_DIRECTORY_ENTRIES = 1_000_000;

/** Output of a checksum command on the server, of which the end is read. */
export const SFTP_CHECKSUM_OUTPUT_BYTES = 64 * 1024;

/** READDIR and STAT requests under way for one listing. */
export const SFTP_LIST_PIPELINE = 8;
export const SFTP_STAT_PIPELINE = 32;

/** A credentials command ends within this time. */
export const CREDENTIALS_COMMAND_MS = 30_000;

/** Credentials that were refused, or could not be had, are asked for again after this time. */
export const CREDENTIALS_RETRY_MS = 60_000;

/** Operations at once that an S3 bucket serves best, and connections kept open for them. */
export const S3_CONCURRENCY = 32;

/** Keys in one page of an S3 listing: what S3 gives at most. */
export const S3_PAGE_KEYS = 1000;
/** Lengths of an upload's parts that are tried side by side, where the server does not tell it. */
export const S3_PART_GUESSES = 4;

/** Longest answer to an S3 listing: a page of the longest keys, percent-encoded, is half of it. */
export const S3_MAX_LISTING_BYTES = 8 * 1024 * 1024;
/** Longest head of an answer of S3, and longest error that is read: a longer one counts by its status alone. */
export const S3_MAX_HEAD_BYTES = 16 * 1024;
export const S3_MAX_ERROR_BYTES = 64 * 1024;
/** Pages of an S3 listing in a row that may bring nothing new before it is taken for endless. */
export const S3_MAX_EMPTY_PAGES = 1000;

/** Pause that an overloaded S3 server gets when it names none, and the longest it can ask for. */
export const S3_PAUSE_MS = 1000;
export const S3_MAX_PAUSE_MS = 60_000;
/** Requests wait for the end of a pause up to this long; with more to go they fail at once. */
export const S3_PAUSE_PATIENCE_MS = 1000;

/** Bytes of a version are kept on disk, and proved by checksums, in blocks of this size. */
export const BLOCK_BYTES = 64 * 1024;

/**
 * Whoever reads no more than this in sequence looks at a header, and nothing is read ahead for him. Through its page
 * cache the kernel reads ahead itself: for 64 KiB it asks for 416. A file that is no longer than that is no track.
 */
export const LOOK_BYTES = BLOCK_BYTES;
export const PAGED_LOOK_BYTES = 448 * 1024;
/** Files up to this long are read through that cache in any case: there is little to ask for ahead of who looks at them. */
export const PAGED_READ_BYTES = 128 * 1024;

/** How far ahead a sequential reader is read for: doubled with what it has read beyond a look; more than WARY if quick. */
export const READAHEAD_MIN_BYTES = 128 * 1024;
export const READAHEAD_MAX_BYTES = 16 * 1024 * 1024;
export const READAHEAD_WARY_BYTES = 8 * 1024 * 1024;

/** One request for blocks of a file asks for this much at most; more goes side by side. */
export const FETCH_BYTES = 256 * 1024;

/** So many requests ahead of a reader go side by side, once they are longer; at first, and where they are quick. */
export const FETCHES_AHEAD = 4;
export const READAHEAD_FIRST_FETCH_BYTES = 1024 * 1024;
export const READAHEAD_FETCH_BYTES = 4 * 1024 * 1024;
/** They may be longer when one is answered within the first of these times, and get shorter when it takes the second. */
export const FETCH_QUICK_MS = 500;
export const FETCH_SLOW_MS = 2000;

/** Blocks in memory, on their way and waiting to be read, of all files together. */
export const READER_MEMORY_BYTES = 32 * 1024 * 1024;
/** A reader that has not read for so long counts no more when memory is shared out. */
export const READER_IDLE_MS = 10_000;

/** Checksums of so many blocks are one row of the cache's index: those of the largest read. */
export const BLOCKS_PER_GROUP = 16;

/** What is written to the cache's disk is entered in its index this long after, together. */
export const CACHE_COMMIT_MS = 2;

/** A cache that cannot be used is tried again after this time ... */
export const CACHE_RETRY_MS = 30_000;
/** ... by writing so much. */
export const CACHE_TRIAL_BYTES = 1024 * 1024;

/** Data files of the cache kept open for reading, and for writing. */
export const CACHE_OPEN_FILES = 128;
export const CACHE_FILES_WRITTEN = 64;

/** Requests at once when a whole file is fetched into the cache. */
export const CACHE_FETCHES = 4;

/** A cached file is proved as a whole so long after it was closed, which holds for so long, for so many. */
export const CACHE_PROOF_DELAY_MS = 1000;
export const CACHE_PROOF_MS = 3_600_000;
export const CACHE_PROOFS = 4096;

/** Tracks that are fetched ahead of their listeners at once, and the largest that is. */
export const PREFETCH_TRACKS = 4;
export const PREFETCH_TRACK_BYTES = 512 * 1024 * 1024;
/** A directory of more entries is no album. */
export const ALBUM_ENTRIES = 4096;

/** Of `metadata_cache_mb` for the page cache of each of a mount's two connections that read the catalog. */
export const CATALOG_READER_MEMORY_SHARE = 1 / 12;

/** Page cache of the main thread's connection to the cache's index. */
export const CACHE_INDEX_READER_KIB = 2048;

/** Bytes on their way to the cache's disk; beyond it blocks are not kept. */
export const CACHE_QUEUE_BYTES = 32 * 1024 * 1024;

/** Counts of requests and bytes are written to disk this long after a change. */
export const USAGE_SAVE_MS = 10_000;

/** Content-defined chunks: never shorter (but for the last one), mostly near, never longer than this. */
export const CHUNK_MIN_BYTES = 16 * 1024;
export const CHUNK_AVERAGE_BYTES = 64 * 1024;
export const CHUNK_MAX_BYTES = 256 * 1024;

/** Files that one page of a published index tells of, about. */
export const INDEX_PAGE_FILES = 64;
/** What an index referred to stays so long after it no longer does: readers may be at it. */
export const INDEX_FORMER_SECS = 7 * 24 * 3600;
/** Objects of an index that are read, written or removed at once. */
export const INDEX_WRITES = 16;

/** What delta sync looks at first of a new version, ... */
export const DELTA_HEAD_BYTES = 16 * 1024;
/** ... with what it probes for where the versions part, ... */
export const DELTA_PROBE_BYTES = 4 * 1024;
/** ... and below what length it fetches what is between. */
export const DELTA_GAP_BYTES = 8 * 1024;

/** How far from where it should be, moved bytes are searched for in the old version. */
export const DELTA_SEARCH_BYTES = 8 * 1024 * 1024;
/** A file shorter than this is fetched as a whole: as soon done as proved. */
export const DELTA_MIN_BYTES = 128 * 1024;
/** Files that delta sync brings to their new versions at once. */
export const DELTA_FILES = 2;

/** Files modified on an origin are synced, files whole in the cache described, so long after, ... */
export const DELTA_DEBOUNCE_MS = 500;
/** ... as many as this at most, ... */
export const DELTA_QUEUE_FILES = 16_384;
/** ... of which so many are looked up without a pause. */
export const DELTA_LOOK_FILES = 256;

/** What splicing fetches of a retagged file, about: an index that asks for no more goes first. */
export const DELTA_TYPICAL_BYTES = 64 * 1024;

/** Of a file that may be spliced, this part is fetched at most before it is fetched as a whole, ... */
export const DELTA_BUDGET_SHARE = 0.25;
/** ... and no more than this, which is in memory until the file is complete. */
export const DELTA_BUDGET_BYTES = 32 * 1024 * 1024;

/** Reads that threads answered by themselves and the live view may show. */
export const SERVED_READS = 64;

/** Latest events kept for who asks later: so many of files, and so many of everything else. */
export const EVENT_HISTORY = 1024;

/** Largest request that the control API takes. */
export const CONTROL_BODY_BYTES = 1024 * 1024;
/** Streams of one mount that are read at once; more are refused. */
export const CONTROL_STREAMS = 64;
/** A control stream that has nothing to say says so, that both ends know of each other. */
export const CONTROL_HEARTBEAT_MS = 10_000;
/** A mount that ends waits so long for the answers under way. */
export const CONTROL_END_MS = 500;
/** The live view: its state is told this often, */
export const LIVE_STATE_MS = 1000;
/** what happens in between this late at most, */
export const LIVE_TICK_MS = 200;
/** with so many events of the past at its beginning, */
export const LIVE_PAST_EVENTS = 200;
/** and so many of the reads between two looks. */
export const LIVE_READS = 64;

/** An answer of the control API that takes longer: the mount hangs. */
export const CONTROL_PATIENCE_MS = 30_000;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts: ${relation} does not hold`);
}

assertRelation(READER_THREADS >= 2, "half of READER_THREADS is at least one");
assertRelation(OPEN_STORE_BYTES <= OPEN_FETCH_BYTES, "what is given whole is fetched whole");
assertRelation(OPEN_FETCH_BYTES <= MAX_READ_BYTES, "a reader's buffer takes a file's head");
assertRelation(SEAM_BYTES <= MAX_READ_BYTES, "a seam fits one read");
assertRelation(SEAM_BYTES === FINGERPRINT_EDGE_BYTES, "seams and fingerprint edges are comparable");
assertRelation(SWITCH_MIN_MS < SWITCH_MAX_MS, "the switch rule has room between its bounds");
assertRelation(SWITCH_MIN_SAMPLES <= LATENCY_SAMPLES, "a p95 can be had from the samples kept");
assertRelation(READ_BUFFERS_BYTES >= MAX_READ_BYTES, "the largest read has a buffer to reuse");
assertRelation(MAX_READ_BYTES % BLOCK_BYTES === 0, "the largest read is whole blocks");
assertRelation(
  MAX_READ_BYTES === BLOCKS_PER_GROUP * BLOCK_BYTES,
  "the checksums of the largest read fill a row",
);
assertRelation(FETCH_BYTES % BLOCK_BYTES === 0, "a fetch is whole blocks");
assertRelation(FETCH_BYTES <= FIRST_BYTE_READ_BYTES, "a fetch is as good as its first byte");
assertRelation(READAHEAD_FETCH_BYTES <= CACHE_QUEUE_BYTES, "what is fetched at once can be kept");
assertRelation(
  FETCHES_AHEAD * READAHEAD_FIRST_FETCH_BYTES <= READAHEAD_WARY_BYTES &&
    FETCHES_AHEAD * READAHEAD_FETCH_BYTES <= READAHEAD_MAX_BYTES,
  "the longest fetches go side by side",
);
assertRelation(
  READAHEAD_MIN_BYTES <= READAHEAD_MAX_BYTES && 2 * READAHEAD_MAX_BYTES <= READER_MEMORY_BYTES,
  "one reader's window fits its share of the memory",
);
assertRelation(CACHE_QUEUE_BYTES >= MAX_READ_BYTES, "the largest read can be kept");
assertRelation(SFTP_MAX_READ_BYTES < SFTP_MAX_PACKET_BYTES, "a READ's answer fits one packet");
assertRelation(SFTP_MAX_READ_BYTES <= SFTP_WINDOW_BYTES, "a READ fits the window");
assertRelation(SFTP_QUIET_MS < SFTP_REPLACE_MS, "a silent connection is avoided, then replaced");
assertRelation(
  CHUNK_MIN_BYTES < CHUNK_AVERAGE_BYTES && CHUNK_AVERAGE_BYTES < CHUNK_MAX_BYTES,
  "chunks have room around their average",
);
assertRelation(2 * DELTA_PROBE_BYTES <= DELTA_GAP_BYTES, "two probes fit into a gap");
assertRelation(LIVE_TICK_MS < LIVE_STATE_MS, "news come between two states");
assertRelation(
  LIVE_PAST_EVENTS <= EVENT_HISTORY,
  "as many events are kept as a live view begins with",
);
assertRelation(CONTROL_HEARTBEAT_MS * 2 <= CONTROL_PATIENCE_MS, "a late heartbeat is in time");
