/** The memory that all threads of a mount share, and how each thread looks at it. */

import { RequestCounts } from "../fuse/request_counts.ts";
import { HandleTable } from "../vfs/handles.ts";
import { LatencyRings } from "../vfs/latency_rings.ts";
import { RoutingTable } from "../vfs/routing_table.ts";
import { SeamPool } from "../vfs/seams.ts";
import { SeenDirectories } from "../vfs/seen.ts";
import { ServedReads } from "../vfs/served_reads.ts";
import { JobQueue } from "./job_queue.ts";

/** What is sent to a Worker: the buffers. */
export interface SharedBuffers {
  readonly handles: SharedArrayBuffer;
  readonly routing: SharedArrayBuffer;
  readonly seams: SharedArrayBuffer;
  readonly seen: SharedArrayBuffer;
  readonly jobs: SharedArrayBuffer;
  readonly latencies: SharedArrayBuffer;
  readonly requests: SharedArrayBuffer;
  readonly served: SharedArrayBuffer;
}

/** One thread's views of the buffers; those not given are made anew. */
export class SharedState {
  readonly handles: HandleTable;
  readonly routing: RoutingTable;
  readonly seams: SeamPool;
  readonly seen: SeenDirectories;
  readonly jobs: JobQueue;
  readonly latencies: LatencyRings;
  readonly requests: RequestCounts;
  readonly served: ServedReads;

  constructor(buffers?: Partial<SharedBuffers>) {
    this.handles = new HandleTable(buffers?.handles);
    this.routing = new RoutingTable(buffers?.routing);
    this.seams = new SeamPool(buffers?.seams);
    this.seen = new SeenDirectories(buffers?.seen);
    this.jobs = new JobQueue(buffers?.jobs);
    this.latencies = new LatencyRings(buffers?.latencies);
    this.requests = new RequestCounts(buffers?.requests);
    this.served = new ServedReads(buffers?.served);
  }

  get buffers(): SharedBuffers {
    return {
      handles: this.handles.shared,
      routing: this.routing.shared,
      seams: this.seams.shared,
      seen: this.seen.shared,
      jobs: this.jobs.shared,
      latencies: this.latencies.shared,
      requests: this.requests.shared,
      served: this.served.shared,
    };
  }
}
