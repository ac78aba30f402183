import { useEffect, useReducer } from "react";

/** What a mount tells is drawn every other second at least: as long as it is, nothing needs drawing in between. */
const TICK_MS = 2400;

/**
 * The wall clock at each drawing, of which there is one at least in TICK_MS: ages count on although
 * nothing happens.
 */
export function useNow(wallMs: () => number): number {
  const [, draw] = useReducer((drawings: number) => drawings + 1, 0);
  // After each drawing: whatever it was for, the next one is not due before.
  useEffect(() => {
    const timer = setTimeout(draw, TICK_MS);
    return () => clearTimeout(timer);
  });
  return wallMs();
}
