/** Door of @millrace/runtime. */
export { type Address, bracketed, formatAddress, sameAddress } from './address.ts'
export { Backoff, type BackoffOptions } from './backoff.ts'
export {
  type ConfigFallback,
  type ConfigKey,
  type ConfigScope,
  ConfigSet,
  type ConfigType,
  type ConfigValue,
  describeRange,
  formatConfigValue,
  parseConfigValue,
} from './config.ts'
export { DeadlineTimer } from './deadline-timer.ts'
export { AssertionError, assert, ConfigError, DiskError, MillraceError, messageOf, NetError } from './errors.ts'
export { type Facts, type Logger, silentLogger, textLogger } from './log.ts'
export { type Metrics, metricsOf } from './metrics.ts'
export {
  CountedSeries,
  type MetricAttributes,
  type MetricDeclaration,
  type MetricFamily,
  MetricsRegistry,
  type Reading,
  type SeriesOf,
  TimedSeries,
} from './metrics-registry.ts'
export { metricsText, metricsTextName, metricsTextType } from './metrics-text.ts'
export { nodeWorld } from './node/world.ts'
export { formatProperties, parseProperties } from './properties.ts'
export { replaceFile } from './replace-file.ts'
export { type Effect, type Machine, type MachineLog, Shell, type ShellOptions } from './shell.ts'
export {
  type Clock,
  type ConnectOptions,
  type Cpu,
  type Disk,
  type File,
  type FileStat,
  type Listener,
  type ListenOptions,
  type Lock,
  type Net,
  type Random,
  type Socket,
  type SocketEvents,
  sleep,
  type Timer,
  type World,
} from './world.ts'
