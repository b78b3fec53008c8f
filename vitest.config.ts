import { defineConfig } from 'vitest/config'

/** Polls end with their event; they last this long only when it never comes, however busy the machine. */
const polls = { poll: { timeout: 20_000, interval: 20 } }

/** What the two projects of real processes share. */
const processes = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: polls,
  fileParallelism: false,
  // Real processes on a busy machine: one that fails is run once more before it counts.
  retry: 1,
}

/**
 * `unit`: beside their subject, no network but loopback and no JVM. `system`: what crosses packages, peers included. `peers`: suites of `system` on
 * Apache Kafka's nodes instead of ours.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 30_000,
          expect: polls,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/{conformance,faults,security,simulation,packaging}/**/*.test.ts'],
          exclude: ['**/*.peers.test.ts'],
          ...processes,
        },
      },
      {
        test: {
          name: 'peers',
          include: ['test/conformance/{*.peers,cluster-disks,cluster-roles}.test.ts'],
          ...processes,
        },
      },
    ],
  },
})
