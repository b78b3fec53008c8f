import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** The oldest Node that the packages promise: `engines` of each says so. */
const oldestNode = '22.18.0'
const names = readdirSync('packages')
let folder: string

const node = (...args: string[]) => execFileSync(join(folder, 'node_modules/.bin/node'), args, { cwd: folder, encoding: 'utf8' })

describe('the packages, packed and installed in an empty folder', () => {
  beforeAll(() => {
    execFileSync('node', ['scripts/pack.ts'], { stdio: 'pipe' })
    folder = mkdtempSync(join(tmpdir(), 'millrace-packed-'))
    const dependencies: Record<string, string> = { node: oldestNode }
    for (const tarball of readdirSync('build/tarballs')) {
      const name = tarball.replace(/^millrace-/, '@millrace/').replace(/-\d+\.\d+\.\d+\.tgz$/, '')
      dependencies[name] = `file:${resolve('build/tarballs', tarball)}`
    }
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'empty', private: true, type: 'module', dependencies, overrides: dependencies }),
    )
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: 'pipe' })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it(`run on Node ${oldestNode}`, () => {
    expect(node('--version').trim()).toBe(`v${oldestNode}`)
    for (const name of names) {
      expect(JSON.parse(readFileSync(join('packages', name, 'package.json'), 'utf8')).engines).toEqual({ node: '>=22.18' })
    }
  })

  it.each(names)('@millrace/%s can be imported', name => {
    const exported = node('-e', `import('@millrace/${name}').then(door => console.log(Object.keys(door).length))`)
    expect(Number(exported)).toBeGreaterThan(0)
  })

  it('hold no source, no test and no install script', () => {
    for (const name of names) {
      const installed = join(folder, 'node_modules/@millrace', name)
      const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
      expect(files.filter(file => /\.test\.|(?<!\.d)\.ts$/.test(file))).toEqual([])
      expect(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts).toBeUndefined()
    }
  })

  it('have types that a strict project accepts', () => {
    writeFileSync(
      join(folder, 'use.ts'),
      names.map((name, i) => `import * as door${i} from '@millrace/${name}'\nvoid door${i}\n`).join(''),
    )
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      '--typeRoots',
      resolve('node_modules/@types'),
      'use.ts',
    ]
    expect(() =>
      execFileSync(resolve('node_modules/.bin/tsc'), options, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }),
    ).not.toThrow()
  })

  it('carry the millrace command', () => {
    expect(execFileSync(join(folder, 'node_modules/.bin/millrace'), ['--version'], { cwd: folder, encoding: 'utf8' })).toMatch(
      /\d+\.\d+\.\d+/,
    )
  })
})
