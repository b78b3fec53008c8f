import { json } from './serde/json.ts'
import { string } from './serde/string.ts'
import { Streams } from './streams.ts'
import { type OutputRecord, TestDriver, type TestDriverOptions } from './test-driver.ts'

/** For this package's tests: an application, its driver, and outputs in a short form. */
export function drive(
  build: (app: Streams) => void,
  options: TestDriverOptions & Partial<ConstructorParameters<typeof Streams>[0]> = {},
): TestDriver {
  const { commits, nowMs, ...rest } = options
  const app = new Streams({ applicationId: 'app', ...rest })
  build(app)
  return new TestDriver(app, { ...(commits && { commits }), ...(nowMs !== undefined && { nowMs }) })
}

/** `key=value@timestamp`, windowed keys as `key[start,end)`. */
export function written(records: readonly OutputRecord<any, any>[]): string[] {
  return records.map(({ key, value, timestamp }) => {
    const name = typeof key === 'object' && key !== null ? `${key.key}[${key.window.start},${key.window.end})` : String(key)
    return `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}@${timestamp}`
  })
}

export const numbers = { key: string(), value: json<number>() }
export const texts = { key: string(), value: json<string>() }
