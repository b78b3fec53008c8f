import type { Counter, Histogram } from '@opentelemetry/api'
import type { Metrics } from './metrics.ts'

/** One metric, declared once: for OpenTelemetry, for the Prometheus text and for the documentation. */
export interface MetricDeclaration {
  readonly kind: 'counter' | 'histogram' | 'gauge'
  readonly name: string
  /** A UCUM code, as OpenTelemetry writes them: `By`, `ms`, `{request}`. */
  readonly unit: string
  readonly attributes: readonly string[]
  readonly description: string
}

export type MetricAttributes = Readonly<Record<string, string | number>>

/** What a gauge reads: a number, or one for each set of attributes. */
export type Reading = number | Iterable<readonly [MetricAttributes, number]>

/** One series of a counter: counts, and tells OpenTelemetry with the same frozen attributes each time. */
export class CountedSeries {
  readonly attributes: MetricAttributes
  value = 0
  readonly #counter: Counter
  readonly #told: MetricAttributes | undefined

  constructor(counter: Counter, attributes: MetricAttributes) {
    this.attributes = attributes
    this.#told = attributes === noAttributes ? undefined : attributes
    this.#counter = counter
  }

  add(value: number): void {
    this.value += value
    this.#counter.add(value, this.#told)
  }
}

/** One series of a histogram of milliseconds. */
export class TimedSeries {
  readonly attributes: MetricAttributes
  /** Index = bound of `durationBoundsMs`; the last one counts what is above all of them. Not cumulative. */
  readonly counts: number[] = new Array<number>(durationBoundsMs.length + 1).fill(0)
  sumMs = 0
  readonly #histogram: Histogram

  constructor(histogram: Histogram, attributes: MetricAttributes) {
    this.attributes = attributes
    this.#histogram = histogram
  }

  record(durationMs: number): void {
    let bucket = 0
    while (bucket < durationBoundsMs.length && durationMs > durationBoundsMs[bucket]!) bucket++
    this.counts[bucket]!++
    this.sumMs += durationMs
    this.#histogram.record(durationMs, this.attributes)
  }
}

/** Upper bounds of the buckets of every histogram, milliseconds. */
export const durationBoundsMs: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** The values of one metric at a moment. */
export interface MetricFamily {
  readonly declaration: MetricDeclaration
  readonly series: readonly CountedSeries[] | readonly TimedSeries[] | readonly (readonly [MetricAttributes, number])[]
}

/**
 * Instruments that keep their values beside handing them to OpenTelemetry, whose API gives no way to read them back. A series is made once, by
 * who counts, and kept: nothing is looked up or allocated where it is counted.
 */
export class MetricsRegistry {
  readonly #metrics: Metrics
  readonly #families = new Map<MetricDeclaration, { series(): MetricFamily['series'] }>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** Gives the series for its attributes, the same one for the same attributes. */
  counter(declaration: MetricDeclaration): SeriesOf<CountedSeries> {
    const { name, unit, description } = declaration
    const counter = this.#metrics.counter(name, { unit, description })
    return this.#family(declaration, attributes => new CountedSeries(counter, attributes))
  }

  /** As `counter`; what is recorded is milliseconds. */
  histogram(declaration: MetricDeclaration): SeriesOf<TimedSeries> {
    const { name, unit, description } = declaration
    const histogram = this.#metrics.histogram(name, { unit, description })
    return this.#family(declaration, attributes => new TimedSeries(histogram, attributes))
  }

  /** Reads at each collection until the function that is returned is called; `common` attributes are told to OpenTelemetry alone. */
  gauge(declaration: MetricDeclaration, common: MetricAttributes, read: () => Reading): () => void {
    const { name, unit, description } = declaration
    const stop = this.#metrics.gauge(name, { unit, description }, result => {
      const reading = read()
      if (typeof reading === 'number') result.observe(reading, common)
      else for (const [attributes, value] of reading) result.observe(value, { ...common, ...attributes })
    })
    const family = {
      series: () => {
        const reading = read()
        return typeof reading === 'number' ? [[noAttributes, reading] as const] : [...reading]
      },
    }
    this.#families.set(declaration, family)
    return () => {
      stop()
      if (this.#families.get(declaration) === family) this.#families.delete(declaration)
    }
  }

  /** Every metric with the values that it has now. */
  *families(): Iterable<MetricFamily> {
    for (const [declaration, family] of this.#families) yield { declaration, series: family.series() }
  }

  #family<Series extends CountedSeries | TimedSeries>(
    declaration: MetricDeclaration,
    make: (attributes: MetricAttributes) => Series,
  ): SeriesOf<Series> {
    const byText = new Map<string, Series>()
    this.#families.set(declaration, { series: () => [...byText.values()] as MetricFamily['series'] })
    const of = (attributes: MetricAttributes = noAttributes): Series => {
      const text = Object.values(attributes).join('\n')
      let series = byText.get(text)
      if (series === undefined) byText.set(text, (series = make(Object.freeze(attributes))))
      return series
    }
    return {
      of,
      keep: isKept => {
        for (const [text, { attributes }] of byText) if (!isKept(attributes)) byText.delete(text)
      },
    }
  }
}

/** The series of one metric. */
export interface SeriesOf<Series> {
  /** Attributes in the order of the declaration; default none. */
  of(attributes?: MetricAttributes): Series
  /** Forgets the series of what is no more. Whoever holds one goes on telling OpenTelemetry. */
  keep(isKept: (attributes: MetricAttributes) => boolean): void
}

const noAttributes: MetricAttributes = Object.freeze({})
