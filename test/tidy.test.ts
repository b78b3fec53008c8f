import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** What the project has agreed on, read from its sources. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter(path => path !== '' && existsSync(path))
const sources = files.filter(path => /\.(ts|mts|mjs|tsx)$/.test(path)).map(path => ({ path, text: readFileSync(path, 'utf8') }))
/** What only tests import, `testing/` of the packages included, is not published. */
const isTest = (path: string) => /\.test\.ts$|^packages\/[^/]+\/src\/(.*\/)?testing\//.test(path) || path.startsWith('test/')

/** The one-way order: a package imports only what stands in its row. */
const mayImport: Record<string, readonly string[]> = {
  runtime: [],
  protocol: ['runtime'],
  broker: ['runtime', 'protocol'],
  client: ['runtime', 'protocol'],
  streams: ['runtime', 'protocol', 'client'],
  'schema-registry': ['runtime', 'protocol', 'client'],
  cli: ['runtime', 'protocol', 'broker', 'client', 'streams', 'schema-registry'],
  testkit: ['runtime', 'protocol', 'broker', 'client', 'streams', 'schema-registry', 'cli'],
}

/** What engine code must not touch: World has it. */
const forbidden: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, 'World.clock.now()'],
  [/\bperformance\.(now|timeOrigin)/, 'World.clock.monotonic()'],
  [/\bMath\.random\(/, 'World.random'],
  [/\b(setTimeout|setInterval|setImmediate)\(/, 'World.clock.timer() or defer()'],
  [/from 'node:(fs|fs\/promises|net|tls|dns|timers|timers\/promises|worker_threads|child_process|cluster|dgram|os)'/, 'World'],
  [/\brandom(Bytes|UUID|Int|FillSync)\(|crypto\.getRandomValues/, 'World.random'],
  [/\bnew (WeakRef|FinalizationRegistry)\b/, 'nothing: garbage collection is not deterministic'],
  [/\bzlib\.(gzip|gunzip|inflate|deflate|zstdCompress|zstdDecompress)\(/, 'World.cpu, or the synchronous form'],
]

/** Engine code, with the places that are themselves the edge of the World and why. */
const enginePackages = ['protocol', 'broker', 'client', 'streams', 'schema-registry', 'runtime']
const edges: readonly RegExp[] = [
  /^packages\/runtime\/src\/node\//, // Node's World itself
  /^packages\/streams\/src\/store\/lmdb[^/]*\.ts$/, // LMDB does its own disk work
  /^packages\/schema-registry\/src\/http[^/]*\.ts$/, // Fastify owns its sockets
  /^packages\/broker\/src\/http\//, // Fastify again; figures of the process
]

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}

describe('the sources', () => {
  it('import other packages only in the one-way order, and only through their doors', () => {
    const wrong: string[] = []
    for (const { path, text } of sources) {
      const home = /^packages\/([^/]+)\/src\//.exec(path)?.[1]
      if (home === undefined) continue
      for (const [, name, door] of withoutComments(text).matchAll(/(?:from|import\()\s*'@millrace\/([a-z-]+)(\/[^']*)?'/g)) {
        const allowed = name === home || mayImport[home]!.includes(name!) || (isTest(path) && name === 'testkit')
        if (!allowed) wrong.push(`${path} imports @millrace/${name}`)
        if (door !== undefined && door !== '/internal') wrong.push(`${path} imports past the door of @millrace/${name}`)
      }
      for (const [, target] of text.matchAll(/from '(\.\.?\/[^']+)'/g)) {
        const depth = path.split('/').length - 3
        const ups = (target!.match(/\.\.\//g) ?? []).length
        if (ups >= depth && !isTest(path)) wrong.push(`${path} leaves its package by ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('reach time, randomness, disk and network only through World in engine code', () => {
    const wrong: string[] = []
    for (const { path, text } of sources) {
      const home = /^packages\/([^/]+)\/src\//.exec(path)?.[1]
      if (home === undefined || !enginePackages.includes(home) || isTest(path) || edges.some(edge => edge.test(path))) continue
      const code = withoutComments(text)
      for (const [pattern, instead] of forbidden)
        if (pattern.test(code)) wrong.push(`${path}: ${pattern.source} (use ${instead})`)
    }
    expect(wrong).toEqual([])
  })

  it('do not import testkit outside tests', () => {
    const wrong = sources
      .filter(({ path }) => !isTest(path) && !/^(packages\/testkit|bench|examples)\//.test(path))
      .filter(({ text }) => /from '@millrace\/testkit'/.test(text))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  it('hold no test that is switched off or runs alone', () => {
    const wrong = sources.filter(({ path, text }) => isTest(path) && /\b(it|test|describe)\.(skip|only|todo)\(/.test(text))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  it('have no unfinished business', () => {
    const words = ['TO', 'FIX', 'XX'].map((start, i) => start + ['DO', 'ME', 'X'][i]).join('|')
    // In comments: an unknown airport may be called what it likes.
    const marks = new RegExp(`(?://|^\\s*\\*|/\\*).*\\b(${words})\\b`, 'm')
    expect(sources.filter(({ text }) => marks.test(text)).map(({ path }) => path)).toEqual([])
  })
})

describe('every package', () => {
  const names = Object.keys(mayImport)

  it.each(names)('%s has a README and one door', name => {
    expect(existsSync(`packages/${name}/README.md`)).toBe(true)
    expect(existsSync(`packages/${name}/src/index.ts`)).toBe(true)
  })

  it('lists each dependency with its reason in docs/dependencies.md', () => {
    const documented = readFileSync('docs/dependencies.md', 'utf8')
    const missing: string[] = []
    for (const path of files.filter(file => /(^|\/)package\.json$/.test(file))) {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(path, 'utf8'))
      for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
        if (!name.startsWith('@millrace/') && !documented.includes(`\`${name}\``)) missing.push(`${name} (${path})`)
      }
    }
    expect(missing).toEqual([])
  })

  it('declares every package that its sources import', () => {
    const missing: string[] = []
    for (const { path, text } of sources) {
      const home = /^(packages\/[^/]+|apps\/[^/]+|bench|examples)\//.exec(path)?.[1]
      if (home === undefined || isTest(path)) continue
      const { name: self, dependencies = {} } = JSON.parse(readFileSync(`${home}/package.json`, 'utf8'))
      for (const [, name] of withoutComments(text).matchAll(/(?:from|import) '((?:@[a-z-]+\/)?[a-z][a-z0-9.-]*)(?:\/[^']*)?'/g)) {
        if (!(name! in dependencies) && name !== self) missing.push(`${path}: ${name}`)
      }
    }
    expect(missing).toEqual([])
  })
})
