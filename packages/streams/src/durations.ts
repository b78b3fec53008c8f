/** Durations in milliseconds, said in the unit that reads best: `minutes(10)`. */
export const milliseconds = (count: number): number => count
export const seconds = (count: number): number => count * 1_000
export const minutes = (count: number): number => count * 60_000
export const hours = (count: number): number => count * 3_600_000
export const days = (count: number): number => count * 86_400_000

/** A duration in the largest unit that divides it, for names: `1h`, `90s`, `1500ms`. */
export function shortDuration(durationMs: number): string {
  for (const [unit, unitMs] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const)
    if (durationMs >= unitMs && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`
  return `${durationMs}ms`
}
