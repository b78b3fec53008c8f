import { median } from './process-figures.ts'

/** Rows of figures: ours and the peer's in turns, medians and their ratio. */
export class Comparison {
  readonly #rows = new Map<string, { unit: string; better: 'more' | 'less'; figures: Map<string, number[]> }>()

  add(name: string, figure: string, value: number, unit: string, better: 'more' | 'less'): void {
    let row = this.#rows.get(figure)
    if (!row) this.#rows.set(figure, (row = { unit, better, figures: new Map() }))
    const values = row.figures.get(name) ?? []
    row.figures.set(name, [...values, value])
  }

  /** A Markdown table; the ratio is ours to the best of the peers, above 1 is better for ours in every row. */
  format(ours: string, peers: readonly string[]): string {
    const lines = [`| figure (median) | ${ours} | ${peers.join(' | ')} | ratio |`, `|---|${'---|'.repeat(peers.length + 2)}`]
    for (const [figure, { unit, better, figures }] of this.#rows) {
      const mine = median(figures.get(ours) ?? [Number.NaN])
      const others = peers.map(peer => median(figures.get(peer) ?? [Number.NaN]))
      const known = others.filter(value => !Number.isNaN(value))
      const best = better === 'more' ? Math.max(...known) : Math.min(...known)
      const ratio = better === 'more' ? mine / best : best / mine
      lines.push(`| ${figure} | ${[mine, ...others].map(value => format(value, unit)).join(' | ')} | ${ratio.toFixed(2)} × |`)
    }
    return lines.join('\n')
  }
}

function format(value: number, unit: string): string {
  if (Number.isNaN(value)) return '–'
  return `${value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2)} ${unit}`
}
