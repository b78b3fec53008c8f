/**
 * Whose nodes a suite runs on. On Apache Kafka's (`npm test -- --only peers`) it proves that the suite asks for what Kafka does; that is as true on the next
 * commit, so the default is ours alone.
 */
export const makers: readonly ('kafka' | 'millrace')[] =
  process.env['MILLRACE_PEER_SUITES'] === undefined ? ['millrace'] : ['kafka', 'millrace']
