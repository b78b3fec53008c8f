import { defineConfig } from 'vitest/config'

/** `unit`: beside their subject, no network but loopback and no JVM. `system`: what crosses packages, peers included. */
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
          // Some wait for a real process or a socket: on a busy machine, once more before it counts.
          retry: 2,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/{conformance,faults,security,simulation,packaging}/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          // Real processes on a busy machine: one that fails is run once more before it counts.
          retry: 2,
        },
      },
    ],
  },
})
