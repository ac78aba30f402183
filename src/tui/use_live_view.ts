import { useEffect, useState } from "react";
import type { LiveUpdate } from "../core/control/live.ts";
import { messageOf } from "../core/errors.ts";
import { EMPTY_VIEW, isNews, type LiveView, withUpdate } from "./live_view.ts";

/** Updates that come closer together are drawn together. */
const DRAW_EVERY_MS = 150;
/** So are states that say nothing new: at rest only ages and rates move on, every other second. */
const DRAW_AT_REST_MS = 1500;

/** Something that tells of a mount, or of origins, until it ends or the signal aborts. */
export type LiveUpdates = (signal: AbortSignal) => AsyncIterable<LiveUpdate>;

export interface WatchedView {
  readonly view: LiveView;
  /** Why nothing new comes any more; undefined while it may. */
  readonly ended: string | undefined;
}

/** The view as it changes; followed from the first render to the last. */
export function useLiveView(updates: LiveUpdates): WatchedView {
  const [watched, setWatched] = useState<WatchedView>({ view: EMPTY_VIEW, ended: undefined });
  useEffect(() => {
    const abort = new AbortController();
    let view = EMPTY_VIEW;
    let timer: Timer | undefined;
    let isDrawnSoon = false;
    const draw = () => {
      timer = undefined;
      isDrawnSoon = false;
      setWatched({ view, ended: undefined });
    };
    const drawSoon = () => {
      if (isDrawnSoon) return;
      clearTimeout(timer);
      timer = setTimeout(draw, DRAW_EVERY_MS);
      isDrawnSoon = true;
    };
    const follow = async () => {
      let ended = "the mount has ended";
      try {
        for await (const update of updates(abort.signal)) {
          if (isNews(view, update)) drawSoon();
          else timer ??= setTimeout(draw, DRAW_AT_REST_MS);
          view = withUpdate(view, update);
        }
      } catch (error) {
        ended = messageOf(error);
      }
      clearTimeout(timer);
      if (!abort.signal.aborted) setWatched({ view, ended });
    };
    void follow();
    return () => abort.abort("the view is closed");
  }, [updates]);
  return watched;
}
