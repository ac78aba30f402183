/** How the lines of a terminal are shared among the parts of the view. */

export interface Lines {
  readonly origins: number;
  readonly activity: number;
  readonly reads: number;
  readonly events: number;
}

/** Header, the table's heading, the footer, and the last line, which stays empty so that nothing scrolls. */
const FIXED_LINES = 4;
/** An empty line and a heading. */
const SECTION_LINES = 2;
const MOST_ACTIVITY_LINES = 5;

/**
 * Shares `rows` lines: the origins come first, but leave at least a third for what happens; reads get
 * more of the rest than events. A part that would have no line gets 0.
 */
export function shareLines(rows: number, wanted: { origins: number; activity: number }): Lines {
  const free = Math.max(1, rows - FIXED_LINES);
  const origins = Math.max(1, Math.min(Math.max(1, wanted.origins), Math.ceil((free * 2) / 3)));
  let left = free - origins;
  const activity = Math.min(wanted.activity, MOST_ACTIVITY_LINES, Math.max(0, left - 1));
  if (activity > 0) left -= activity + 1;
  const forLines = (sections: number) => left - sections * SECTION_LINES;
  if (forLines(2) >= 4) {
    const reads = Math.ceil(forLines(2) * 0.6);
    return { origins, activity, reads, events: forLines(2) - reads };
  }
  return { origins, activity, reads: Math.max(0, forLines(1)), events: 0 };
}
