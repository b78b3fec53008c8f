import { avro, RegistryClient } from '@millrace/schema-registry'
import { Airport, Delays, Flight } from './schemas.ts'
import type { JobSerdes } from './topology.ts'

/** The Avro serdes of the job's topics. */
export function jobSerdes(registryUrl: string): JobSerdes {
  const registry = new RegistryClient({ url: registryUrl })
  return { airport: avro(Airport, { registry }), flight: avro(Flight, { registry }), delays: avro(Delays, { registry }) }
}
