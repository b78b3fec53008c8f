import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { httpKeys } from './http-keys.ts'

const maxPort = 65_535

/** Where `millrace.http.listener` says that HTTP is served; null: nowhere. Throws a ConfigError. */
export function readHttpListener(config: ConfigSet): { readonly host: string; readonly port: number } | null {
  const text = config.get(httpKeys.httpListener)
  if (text === null || text === '') return null
  const match = /^http:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^:/@[\]]*)):(\d{1,5})\/?$/.exec(text)
  if (!match || Number(match[3]) > maxPort)
    throw new ConfigError(`Invalid value ${text} for configuration ${httpKeys.httpListener.name}: must be http://host:port`)
  // No host: every address, as for the other listeners.
  return { host: match[1] ?? (match[2] || '::'), port: Number(match[3]) }
}
