/** How a measured value grows. */

export interface Sample {
  /** Since the beginning. */
  readonly minutes: number;
  readonly value: number;
}

/** The slope of the straight line nearest to the samples (least squares): growth a minute. */
export function growthPerMinute(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) throw new Error(`${count} samples tell of no growth`);
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const [meanMinutes, meanValue] = [mean(({ minutes }) => minutes), mean(({ value }) => value)];
  let together = 0;
  let spread = 0;
  for (const { minutes, value } of samples) {
    together += (minutes - meanMinutes) * (value - meanValue);
    spread += (minutes - meanMinutes) ** 2;
  }
  return together / spread;
}

/** Those of the second half of the time. */
export function lastHalf(samples: readonly Sample[]): readonly Sample[] {
  const end = samples.at(-1)?.minutes ?? 0;
  return samples.filter(({ minutes }) => minutes >= end / 2);
}
