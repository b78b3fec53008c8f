import {
  CountedSeries,
  durationBoundsMs,
  type MetricAttributes,
  type MetricDeclaration,
  type MetricFamily,
  TimedSeries,
} from './metrics-registry.ts'

/** The content type of `metricsText`. */
export const metricsTextType = 'text/plain; version=0.0.4; charset=utf-8'

const msPerSecond = 1000

/**
 * Prometheus' text format 0.0.4. Names are OpenTelemetry's as its specification translates them: dots become underscores, base units and `_total` of counters are
 * appended, milliseconds become seconds.
 */
export function metricsText(families: Iterable<MetricFamily>): string {
  const lines: string[] = []
  for (const { declaration, series } of families) {
    const name = metricsTextName(declaration)
    lines.push(`# HELP ${name} ${escapedHelp(declaration.description)}`, `# TYPE ${name} ${declaration.kind}`)
    for (const each of series) {
      if (each instanceof TimedSeries) histogramLines(lines, name, each)
      else if (each instanceof CountedSeries) lines.push(`${name}${labels(each.attributes)} ${each.value}`)
      else lines.push(`${name}${labels(each[0])} ${each[1]}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** `millrace.broker.network.io` in bytes, a counter → `millrace_broker_network_io_bytes_total`. */
export function metricsTextName({ kind, name, unit }: MetricDeclaration): string {
  const base = name.replaceAll(/[^a-zA-Z0-9_]/g, '_')
  const suffix = unit === 'By' ? '_bytes' : unit === 'ms' ? '_seconds' : ''
  return `${base}${base.endsWith(suffix) ? '' : suffix}${kind === 'counter' ? '_total' : ''}`
}

function histogramLines(lines: string[], name: string, { attributes, counts, sumMs }: TimedSeries): void {
  let count = 0
  for (const [i, boundMs] of durationBoundsMs.entries()) {
    count += counts[i]!
    lines.push(`${name}_bucket${labels(attributes, `le="${boundMs / msPerSecond}"`)} ${count}`)
  }
  count += counts.at(-1)!
  lines.push(`${name}_bucket${labels(attributes, 'le="+Inf"')} ${count}`)
  lines.push(`${name}_sum${labels(attributes)} ${sumMs / msPerSecond}`, `${name}_count${labels(attributes)} ${count}`)
}

function labels(attributes: MetricAttributes, last = ''): string {
  const pairs = Object.entries(attributes).map(
    ([name, value]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escapedLabel(String(value))}"`,
  )
  if (last !== '') pairs.push(last)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapedLabel(text: string): string {
  return escapedHelp(text).replaceAll('"', '\\"')
}
