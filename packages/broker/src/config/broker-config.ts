import type { ConfigSet, Logger } from '@millrace/runtime'

/** Parses server.properties: a warning for each unknown key and each key without effect yet, a ConfigError for a bad value. */
export function readBrokerConfig(properties: ReadonlyMap<string, string>, logger: Logger): ConfigSet {
  void properties
  void logger
  throw new Error('not there yet')
}
