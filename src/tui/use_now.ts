import { useEffect, useState } from "react";

const TICK_MS = 1000;

/** The wall clock, once a second: ages count on although nothing happens. */
export function useNow(wallMs: () => number): number {
  const [nowMs, setNowMs] = useState(wallMs);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(wallMs()), TICK_MS);
    return () => clearInterval(timer);
  }, [wallMs]);
  return nowMs;
}
