import { declaring } from './declare.ts'

const { string } = declaring('broker')

/** Keys of Millrace alone: Apache Kafka warns of them and goes on. */
export const httpKeys = {
  httpListener: string(
    'millrace.http.listener',
    null,
    "Address of /health, /ready and /metrics, as http://host:port; none of them when not given. Millrace's own: Apache Kafka takes it with a warning.",
  ),
}
