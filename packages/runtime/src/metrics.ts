import { type Counter, type Histogram, metrics, type ObservableCallback } from '@opentelemetry/api'

/** Metrics of one package on the OpenTelemetry API: costs next to nothing until the user installs an SDK. Record per batch or request, never per record. */
export interface Metrics {
  counter(name: string, options: { unit?: string; description: string }): Counter
  histogram(name: string, options: { unit: string; description: string }): Histogram
  /** `observe` is called at each collection until the function that is returned is called. */
  gauge(name: string, options: { unit?: string; description: string }, observe: ObservableCallback): () => void
}

/** `scope` is the package's name. */
export function metricsOf(scope: string, version: string): Metrics {
  const meter = metrics.getMeter(scope, version)
  return {
    counter: (name, options) => meter.createCounter(name, options),
    histogram: (name, options) => meter.createHistogram(name, options),
    gauge(name, options, observe) {
      const gauge = meter.createObservableGauge(name, options)
      gauge.addCallback(observe)
      return () => gauge.removeCallback(observe)
    },
  }
}
